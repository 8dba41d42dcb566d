//! What the API refuses: too much at once, bad input, strangers, and questions that it cannot answer now.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn one_holder_has_at_most_twenty_live_streams_and_gets_places_back() {
    let world = World::new().await;
    let accept = [("accept", "text/event-stream")];
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(world.request("/v1/events", &accept).await);
    }
    let refused = world.request("/v1/events", &accept).await;
    assert_eq!(problem(refused).await, (503, "overloaded".to_owned()));
    drop(open);
    let again = async {
        while world.request("/v1/events", &accept).await.status() != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, again).await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_events_come_whole_as_lines_which_need_a_free_place_among_the_live_streams() {
    let world = World::new().await;
    let customer = Uuid::now_v7();
    world.send("customer.register", customer, register("Ada")).await;
    let mut position = 0;
    let body = "界".repeat(5_000);
    for _ in 0..100 {
        let mut data = open(customer, "large");
        data["description"] = json!(body);
        position = world.send("ticket.open", Uuid::now_v7(), data).await;
    }
    let accept = [("accept", "application/x-ndjson")];
    let path = "/v1/events?limit=100000";
    let lines = world.request(path, &accept).await.text().await.unwrap();
    let positions: Vec<u64> =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=position).collect::<Vec<_>>());
    let some = world.request("/v1/events?limit=93", &accept).await.text().await.unwrap();
    assert_eq!(some.lines().count(), 93);

    let live = [("accept", "text/event-stream")];
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(world.request(&format!("/v1/events?after={position}"), &live).await);
    }
    let refused = world.request(path, &accept).await;
    assert_eq!(problem(refused).await, (503, "overloaded".to_owned()));
    drop(streams);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_gets_a_problem_that_names_it() {
    let world = World::new().await;
    let id = Uuid::now_v7();
    let validation = [
        "/v1/tickets?limit=0",
        "/v1/tickets?limit=201",
        "/v1/tickets?limit=ten",
        "/v1/tickets?nonsense=1",
        "/v1/tickets?status=open&status=new",
        "/v1/tickets?status=opened",
        "/v1/tickets?status=,",
        "/v1/tickets?priority=P5",
        "/v1/tickets?team=x",
        "/v1/tickets?opened_from=yesterday",
        "/v1/tickets?sort=subject",
        "/v1/tickets?cursor=AAAA",
        "/v1/tickets?cursor=%00",
        "/v1/tickets?tag=%00",
        "/v1/tickets?as_of=99999999999999999999",
        "/v1/tickets?as_of=-1",
        "/v1/tickets?as_of=-4800-01-01T00:00:00Z",
        "/v1/tickets?opened_from=-4800-01-01T00:00:00Z",
        "/v1/tickets?opened_to=-262143-01-01T00:00:00Z",
        "/v1/transactions?occurred_from=-262143-01-01T00:00:00Z",
        "/v1/transactions?occurred_to=%2B10000-01-01T00:00:00Z",
        "/v1/tickets/not-a-uuid",
        "/v1/customers?external_id=7",
        "/v1/customers?lifecycle=alive",
        "/v1/transactions?currency=usd",
        "/v1/events?after=-1",
        "/v1/events?category=nothing",
        "/v1/events?type=TicketOpend",
        "/v1/events?stream=ticket",
        "/v1/events?limit=100000",
        "/v1/models?x=1",
    ];
    for path in validation {
        assert_eq!(world.problem(path).await, (400, "validation".to_owned()), "{path}");
    }
    // The last two are beyond PostgreSQL only, which is asked then.
    let cursors = [
        ("/v1/teams?sort=name", "name", "a\0b"),
        ("/v1/tickets?sort=opened_at", "opened_at", "-262143-01-01T00:00:00Z"),
        ("/v1/tickets?sort=opened_at", "opened_at", "2026-01-01"),
        ("/v1/tickets?sort=number", "number", "9223372036854775808"),
        ("/v1/tickets?sort=opened_at", "opened_at", "2026-01-01T00:00:00+20:00"),
        ("/v1/teams?sort=id", "id", "urn:uuid:00000000-0000-0000-0000-000000000001"),
    ];
    for (path, sort, value) in cursors {
        let path = format!("{path}&cursor={}", Cursor::new(sort, value.to_owned(), id).encode());
        assert_eq!(world.problem(&path).await, (400, "validation".to_owned()), "{value}");
    }
    let command_id: Value = world.request("/v1/commands/test/x", &[]).await.json().await.unwrap();
    assert_eq!(command_id["errors"][0]["parameter"], "command_id");
    let missing = [
        "/".to_owned(),
        "/v1/nothing".to_owned(),
        format!("/v1/tickets/{id}"),
        format!("/v1/customers/{id}/tickets"),
        format!("/v1/customers/{id}/timeline"),
        format!("/v1/teams/{id}/history"),
    ];
    for path in missing {
        assert_eq!(world.problem(&path).await, (404, "not_found".to_owned()), "{path}");
    }
    let posted = world.client.post(format!("http://{}/v1/tickets", world.address)).send().await.unwrap();
    assert_eq!(problem(posted).await, (405, "method_not_allowed".to_owned()));
    let large = world.client.get(format!("http://{}/v1/tickets", world.address)).body(vec![b'x'; 70_000]);
    assert_eq!(problem(large.send().await.unwrap()).await, (413, "payload_too_large".to_owned()));
    let accept = world.request("/v1/events", &[("accept", "text/html")]).await;
    assert_eq!(problem(accept).await, (406, "not_acceptable".to_owned()));
    for (name, value) in [("carelog-min-position", "x"), ("carelog-min-position", "-1")] {
        let response = world.request("/v1/tickets", &[(name, value)]).await;
        assert_eq!(problem(response).await, (400, "validation".to_owned()));
    }
    let event_id = world.request("/v1/events", &[("accept", "text/event-stream"), ("last-event-id", "x")]).await;
    assert_eq!(problem(event_id).await, (400, "validation".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_asked_for_everywhere_but_at_the_probes() {
    // SHA-256 of `secret`.
    let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    let world = World::with_keys(Some(BearerKeys::parse(&format!("board {hash}")).unwrap())).await;
    for path in ["/v1/tickets", "/v1/events", "/metrics", "/docs", "/openapi.json", "/nothing"] {
        assert_eq!(world.problem(path).await, (401, "unauthorized".to_owned()), "{path}");
    }
    let wrong = world.request("/v1/tickets", &[("authorization", "Bearer secrets")]).await;
    assert_eq!(header(&wrong, "www-authenticate").as_deref(), Some("Bearer"));
    assert_eq!(problem(wrong).await, (401, "unauthorized".to_owned()));
    let named = world.request("/v1/tickets", &[("authorization", "Bearer secret"), ("host", "api.example")]).await;
    assert_eq!(named.status(), StatusCode::OK);
    for path in ["/v1/tickets", "/v1/models", "/metrics", "/docs", "/openapi.json"] {
        let response = world.request(path, &[("authorization", "Bearer secret")]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(world.request(path, &[]).await.status(), StatusCode::OK, "{path}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_a_name_that_leads_here_from_elsewhere_is_refused() {
    let world = World::new().await;
    for path in ["/v1/tickets", "/v1/events", "/metrics", "/docs", "/readyz", "/nothing"] {
        let rebound = world.request(path, &[("host", "evil.example:8080")]).await;
        assert_eq!(problem(rebound).await, (403, "forbidden".to_owned()), "{path}");
    }
    for host in ["localhost", "localhost:1", "127.0.0.1", "[::1]:8080"] {
        assert_eq!(world.request("/v1/teams", &[("host", host)]).await.status(), StatusCode::OK, "{host}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_or_boundless_request_head_does_not_hold_the_server() {
    let world = World::new().await;
    let mut slow = TcpStream::connect(world.address).await.unwrap();
    slow.write_all(b"GET /livez HT").await.unwrap();
    let mut boundless = TcpStream::connect(world.address).await.unwrap();
    let head = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(40_000));
    let _ = boundless.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(LONG, boundless.read_to_end(&mut answer)).await.unwrap();
    assert!(!String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 200"));
    assert_eq!(world.request("/livez", &[]).await.status(), StatusCode::OK);
    let mut rest = Vec::new();
    let ended = timeout(LONG, slow.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the slow connection is still open");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_every_question_is_unavailable_in_bounded_time() {
    // Nobody listens on port 1.
    let nowhere = PgConnectOptions::new().host("127.0.0.1").port(1).username("nobody");
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_secs(1)).connect_lazy_with(nowhere);
    let stop = CancellationToken::new();
    let (feed, _) = Feed::start(pool.clone(), stop.clone());
    let api = Api::new(Reader::new(pool.clone()), Vault::new(pool, keys()), feed, None, Arc::new(String::new));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, api, stop.clone()));
    for path in ["/v1/tickets", "/v1/events", "/v1/models", "/v1/transactions/summary?as_of=3", "/readyz"] {
        let response =
            Client::builder().pool_max_idle_per_host(0).build().unwrap().get(format!("http://{address}{path}")).send();
        let response = timeout(LONG, response).await.unwrap().unwrap();
        assert_eq!(problem(response).await, (503, "unavailable".to_owned()), "{path}");
    }
    let live = Client::builder()
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
        .get(format!("http://{address}/livez"))
        .send()
        .await
        .unwrap();
    assert_eq!(live.status(), StatusCode::OK);
    stop.cancel();
    timeout(LONG, server).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_too_many_questions_wait_further_ones_are_refused_and_the_probes_are_answered() {
    let world = World::new().await;
    let customer = Uuid::now_v7();
    let position = world.send("customer.register", customer, register("Ada")).await;
    let path = format!("/v1/customers/{customer}");
    world.get(&path, position).await;
    let owner = world.database.pool(PoolRole::Migrate).await;
    let mut tx = owner.begin().await.unwrap();
    sqlx::raw_sql("lock table read.customer in access exclusive mode").execute(&mut *tx).await.unwrap();
    let questions = futures_util::future::join_all((0..40).map(|_| world.problem(&path)));
    let (ready, answers) = tokio::join!(world.request("/readyz", &[]), questions);
    assert_eq!(ready.status(), StatusCode::OK);
    let count = |code: &str| answers.iter().filter(|answer| **answer == (503, code.to_owned())).count();
    assert_eq!(count("unavailable") + count("overloaded"), answers.len(), "{answers:?}");
    assert!(count("overloaded") > 0, "{answers:?}");
    tx.rollback().await.unwrap();
    world.get(&path, position).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_model_makes_the_process_unready() {
    let world = World::new().await;
    assert_eq!(world.request("/readyz", &[]).await.status(), StatusCode::OK);
    world.projecting.cancel();
    let project = world.database.pool(PoolRole::Project).await;
    sqlx::query("update read.checkpoint set blocked = 'an unknown event' where model = 'ticket'")
        .execute(&project)
        .await
        .unwrap();
    assert_eq!(world.problem("/readyz").await, (503, "model_blocked".to_owned()));
    let models = world.get("/v1/models", 0).await;
    let blocked = models["items"].as_array().unwrap().iter().find(|model| model["model"] == "ticket").unwrap();
    assert_eq!(blocked["blocked"], "an unknown event");
    world.end().await;
}
