-- What each role may do. Nobody may change or delete history; log.append runs with its caller's rights.

do $$
declare
    wanted text;
begin
    foreach wanted in array array['carelog_append', 'carelog_project', 'carelog_query'] loop
        begin
            execute format('create role %I nologin', wanted);
        exception
            when duplicate_object or unique_violation then null;
        end;
        if not pg_has_role(current_user, wanted, 'member') then
            execute format('grant %I to current_user', wanted);
        end if;
    end loop;
end
$$;

grant usage on schema log, vault to carelog_append, carelog_project, carelog_query;

grant select on all tables in schema log to carelog_append;
grant insert on log.event, log.receipt to carelog_append;
grant insert, update on log.stream, log.ordinal to carelog_append;
grant insert, update, delete on log.claim, log.timer to carelog_append;
grant insert, delete on log.dead_letter to carelog_append;
grant select, insert, update on vault.subject_key to carelog_append;
grant select, insert on vault.master_check to carelog_append;

grant select on log.event, log.epoch to carelog_project;
grant select on vault.subject_key to carelog_project;

grant select on log.event, log.epoch, log.receipt to carelog_query;
grant select on vault.subject_key to carelog_query;
