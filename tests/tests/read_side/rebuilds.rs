//! Rebuilding: while events flow, alone, after a failure, for another revision or another history.

use super::*;

#[tokio::test]
async fn what_a_killed_rebuild_left_is_erased_with_the_person_and_dropped() {
    let world = World::new().await;
    let models = models::all();
    let (erased, kept) = (Uuid::now_v7(), Uuid::now_v7());
    for (id, name) in [(erased, "李娜"), (kept, "王伟")] {
        world.send("customer.register", id, json!({"display_name": name})).await;
    }
    world.project_all(&models).await;
    let projector = world.project(models.clone(), 1_000);
    world.kill_rebuild(of::<Customer>()).await;
    // A long question, as a dump asks: the table cannot be dropped meanwhile.
    let mut dump = world.pool.begin().await.unwrap();
    let left = world.tables_with("李").await;
    assert_eq!(left.len(), 2, "{left:?}");
    for table in &left {
        sqlx::raw_sql(AssertSqlSafe(format!("lock table read.{table} in access share mode")))
            .execute(&mut *dump)
            .await
            .unwrap();
    }
    world.send("customer.request_erasure", erased, json!({})).await;
    let last = world.send("customer.erase", erased, json!({})).await;
    world.caught_up(&["customer"], last).await;
    assert_eq!(world.tables_with("李").await, Vec::<String>::new());
    assert_eq!(world.one::<i64>("select count(*) from read.customer r where r::text like '%王%'").await, 1);
    dump.rollback().await.unwrap();
    world.until(STRAYS, |strays| strays == 0).await;
    projector.stopped().await.unwrap();
    world.assert_equal_to_rebuilt(&models).await;
    world.database.remove().await;
}

#[tokio::test]
async fn a_rebuild_that_fails_leaves_no_tables() {
    let world = World::new().await;
    let head = world.history(3).await;
    world.project_all(&people()).await;
    world
        .tamper(
            "insert into log.event
             select position + 1, gen_random_uuid(), 'team', gen_random_uuid(), 1, 'TeamTransfigured', 9, occurred_at,
                    recorded_at + interval '1 microsecond', null, metadata, '{}', content_hash
               from log.event order by position desc limit 1",
        )
        .await;
    let outcome = world.rebuild(&people()).await;
    assert!(matches!(outcome, Err(ProjectorError::Unreadable { position, .. }) if position == head + 1), "{outcome:?}");
    assert_eq!(world.one::<i64>(STRAYS).await, 0);
    assert_eq!(world.one::<i64>("select count(*) from read.team").await, 9, "the old rows serve");
    world.database.remove().await;
}

#[tokio::test]
async fn a_projector_that_finds_a_model_being_rebuilt_waits_and_does_not_block_it() {
    let world = World::new().await;
    world.history(10).await;
    world.project_all(&people()).await;
    let mut other = world.pool.acquire().await.unwrap();
    let lock = format!("select pg_advisory_lock({REBUILD_LOCK}, hashtext('team'))");
    sqlx::query(AssertSqlSafe(lock)).execute(&mut *other).await.unwrap();
    let both = [(); 2].map(|()| world.project(vec![of::<Agent>(), of::<LaterTeam>()], 1_000));
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(5) {
        assert_eq!(world.status_of("team").await.blocked, None);
        tokio::task::yield_now().await;
    }
    sqlx::query("select pg_advisory_unlock_all()").execute(&mut *other).await.unwrap();
    world
        .until("select revision::bigint from read.checkpoint where model = 'team'", |revision| {
            revision == i64::from(LaterTeam::REVISION)
        })
        .await;
    let head = world.history(2).await;
    world.caught_up(&["agent", "team"], head).await;
    for projector in both {
        projector.stopped().await.unwrap();
    }
    assert_eq!(world.status_of("team").await.blocked, None);
    assert_eq!(world.status_of("team").await.generation, 2, "one of them rebuilt it");
    drop(other);
    world.database.remove().await;
}

#[tokio::test]
async fn a_rebuild_while_events_flow_and_readers_read_ends_equal_and_never_goes_back() {
    let world = Arc::new(World::new().await);
    let models = people();
    world.history(50).await;
    world.project_all(&models).await;
    let projector = world.project(models.clone(), 50);
    let writer = tokio::spawn({
        let world = Arc::clone(&world);
        async move {
            for _ in 0..8 {
                world.history(20).await;
            }
        }
    });
    let reading = CancellationToken::new();
    let reader = tokio::spawn({
        let (world, reading) = (Arc::clone(&world), reading.clone());
        async move {
            let (mut seen, mut reads) = (0, 0);
            while !reading.is_cancelled() {
                // One statement, as the questions are asked: the rows belong to the position.
                let (position, versions, expected): (i64, i64, i64) = sqlx::query_as(
                    "select c.position, (select count(*) from read.team),
                            (select count(*) from log.event e where e.category = 'team' and e.position <= c.position)
                       from read.checkpoint c where c.model = 'team'",
                )
                .fetch_one(&world.ask)
                .await
                .unwrap();
                assert!(position >= seen, "{position} after {seen}");
                assert_eq!(versions, expected, "at {position}");
                (seen, reads) = (position, reads + 1);
            }
            reads
        }
    });
    for _ in 0..3 {
        world.rebuild(&models).await.unwrap();
    }
    writer.await.unwrap();
    let head = world.head().await;
    world.caught_up(&["agent", "team"], head).await;
    reading.cancel();
    assert!(reader.await.unwrap() > 3);
    projector.stopped().await.unwrap();
    assert_eq!(world.status_of("team").await.generation, 4);
    world.assert_equal_to_rebuilt(&models).await;
    Arc::into_inner(world).unwrap().database.remove().await;
}

#[tokio::test]
async fn a_model_is_rebuilt_by_one_process_at_a_time() {
    let world = World::new().await;
    world.history(200).await;
    let models = people();
    let (first, second) = tokio::join!(world.rebuild(&models), world.rebuild(&models));
    let busy = |outcome: &Result<Rebuilt, ProjectorError>| matches!(outcome, Err(ProjectorError::Busy(_)));
    assert!(
        first.is_ok() && (second.is_ok() || busy(&second)) || busy(&first) && second.is_ok(),
        "{first:?} {second:?}"
    );
    assert!(world.rebuild(&models).await.is_ok(), "the locks were given back");
    world.database.remove().await;
}

#[tokio::test]
async fn a_new_revision_is_rebuilt_while_the_old_one_serves_and_an_older_program_leaves_it_alone() {
    let world = World::new().await;
    let head = world.history(10).await;
    world.project_all(&people()).await;
    let later = world.project(vec![of::<Agent>(), of::<LaterTeam>()], 1_000);
    let started = Instant::now();
    while world.status_of("team").await.revision != LaterTeam::REVISION {
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::task::yield_now().await;
    }
    let title = "select max(title) from read.team where to_position = 9223372036854775807";
    assert_eq!(world.one::<String>(title).await, "3");
    let older = world.project(people(), 1_000);
    let head = head + 1;
    assert_eq!(world.send("team.form", Uuid::now_v7(), json!({"name": "new"})).await, head);
    world.caught_up(&["agent", "team"], head).await;
    assert_eq!(world.status_of("team").await.revision, LaterTeam::REVISION);
    older.stopped().await.unwrap();
    later.stopped().await.unwrap();
    world.database.remove().await;
}

#[tokio::test]
async fn an_older_backup_under_the_models_halts_with_history_forked_until_the_epoch_is_raised_and_they_are_rebuilt() {
    let world = World::new().await;
    world.history(5).await;
    world.project_all(&people()).await;
    let lost = world.send("team.form", Uuid::now_v7(), json!({"name": "lost"})).await;
    world.project_all(&people()).await;
    let restore = format!(
        "alter table log.event disable trigger user;
         delete from log.event where position >= {lost};
         alter table log.event enable trigger user;"
    );
    world.tamper(&restore).await;
    let outcome = world.project(people(), 1_000).work.await.unwrap();
    assert!(matches!(outcome, Err(ProjectorError::HistoryForked { position, .. }) if position == lost), "{outcome:?}");

    // Another lane, whose cache knows nothing of what was lost, writes another event there.
    let append = world.database.pool(PoolRole::Append).await;
    let lane = Lane::start(append, world.vault.clone(), 16).0;
    let other = command("team.form", Uuid::now_v7(), &json!({"name": "other"}));
    lane.submit(other, None).unwrap().await.unwrap();
    assert_eq!(world.head().await, lost);
    let outcome = world.project(people(), 1_000).work.await.unwrap();
    assert!(matches!(outcome, Err(ProjectorError::HistoryForked { position, .. }) if position == lost), "{outcome:?}");
    let outcome = world.rebuild(&people()).await;
    assert!(matches!(outcome, Err(ProjectorError::HistoryForked { position, .. }) if position == lost), "{outcome:?}");

    world.tamper(&restore).await;
    world.tamper("update log.epoch set epoch = epoch + 1").await;
    world.rebuild(&people()).await.unwrap();
    assert_eq!(world.status_of("team").await.position, lost - 1);
    world.project_all(&people()).await;
    world.database.remove().await;
}
