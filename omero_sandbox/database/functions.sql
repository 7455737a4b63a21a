-- The functions of the OMERO 5.4 database that are not made from a template (functions.py), written anew from what they do.
-- Trigger functions return NEW or OLD so that they fit BEFORE triggers; AFTER triggers ignore the value.

-- Identifiers ------------------------------------------------------------------------------------------------------

CREATE FUNCTION ome_nextval(seq character varying, increment integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    lock_id integer := (SELECT id FROM _lock_ids WHERE name = seq);
    last bigint;
BEGIN
    -- Released at once, not at the end of the transaction: the block needs to be contiguous, writers need not wait.
    PERFORM pg_advisory_lock(1, lock_id);
    SELECT max(nextval(seq::regclass)) INTO last FROM generate_series(1, increment);
    PERFORM pg_advisory_unlock(1, lock_id);
    RETURN last;
END $$;

CREATE FUNCTION ome_nextval(seq character varying) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN ome_nextval(seq, 1);
END $$;

CREATE FUNCTION uuid() RETURNS character LANGUAGE sql AS $$
    SELECT (substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-'
            || substr('89ab', 1 + floor(random() * 4)::integer, 1) || substr(h, 18, 3) || '-'
            || substr(h, 21, 12))::character(36)
    FROM md5(clock_timestamp()::text || random()::text) AS h
$$;

CREATE FUNCTION ome_perms(p bigint) RETURNS character varying LANGUAGE plpgsql AS $$
BEGIN
    -- Four bits for each of user (from bit 8), group (4) and world (0): 4 is read, 2 is write.
    RETURN (SELECT string_agg(CASE WHEN p & (1024 >> shift) <> 0 THEN 'r' ELSE '-' END
                              || CASE WHEN p & (512 >> shift) <> 0 THEN 'w' ELSE '-' END, '' ORDER BY shift)
            FROM unnest(ARRAY[0, 4, 8]) AS shift);
END $$;

-- Events -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION _prepare_session(_event_id bigint, _user_id bigint, _group_id bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('pg_temp._current_session') IS NULL THEN
        CREATE TEMPORARY TABLE _current_session (event_id bigint, user_id bigint, group_id bigint) ON COMMIT DELETE ROWS;
    END IF;
    DELETE FROM _current_session;
    INSERT INTO _current_session VALUES (_event_id, _user_id, _group_id);
END $$;

CREATE FUNCTION _current_event() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('pg_temp._current_session') IS NULL THEN
        RETURN 0;
    END IF;
    RETURN coalesce((SELECT event_id FROM _current_session LIMIT 1), 0);
END $$;

CREATE FUNCTION _current_or_new_event() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    current bigint := _current_event();
BEGIN
    IF current = 0 THEN
        INSERT INTO event (id, permissions, status, time, experimenter, experimentergroup, session, type)
        VALUES (ome_nextval('seq_event'), -52, 'TRIGGERED', clock_timestamp(), 0, 0, 0, 0)
        RETURNING id INTO current;
    END IF;
    RETURN current;
END $$;

CREATE FUNCTION updated_entities_note_reindex() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
    taken bigint;
BEGIN
    CREATE TEMPORARY TABLE _reindexing_taken ON COMMIT DROP AS
        WITH drained AS (
            DELETE FROM _reindexing_required WHERE ctid IN (
                SELECT ctid FROM _reindexing_required ORDER BY event_id LIMIT 100000 FOR UPDATE SKIP LOCKED)
            RETURNING event_id, entity_type, entity_id)
        SELECT row_number() OVER () AS n, * FROM drained;
    SELECT count(*) INTO taken FROM _reindexing_taken;
    IF taken > 0 THEN
        last := ome_nextval('seq_eventlog', taken::integer);
        INSERT INTO eventlog (id, action, permissions, entityid, entitytype, event)
        SELECT last - taken + n, 'REINDEX', -52, entity_id, entity_type, event_id FROM _reindexing_taken;
    END IF;
    DROP TABLE _reindexing_taken;
END $$;

-- Files ------------------------------------------------------------------------------------------------------------

CREATE FUNCTION _protect_originalfile_repo_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    secret text;
    live boolean := false;
BEGIN
    FOR secret IN SELECT uuid FROM node WHERE down IS NULL LOOP
        live := true;
        IF starts_with(NEW.name, secret) THEN
            NEW.name := substr(NEW.name, length(secret) + 1);
            RETURN NEW;
        END IF;
    END LOOP;
    IF live AND NEW.repo IS NOT NULL THEN
        RAISE EXCEPTION 'cannot set original repo property without secret key';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION _protect_originalfile_repo_update() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    secret text;
    live boolean := false;
BEGIN
    FOR secret IN SELECT uuid FROM node WHERE down IS NULL LOOP
        live := true;
        IF starts_with(NEW.name, secret) THEN
            NEW.name := substr(NEW.name, length(secret) + 1);
            RETURN NEW;
        END IF;
    END LOOP;
    IF live AND NEW.repo IS NOT NULL AND NEW.repo IS DISTINCT FROM OLD.repo THEN
        RAISE EXCEPTION 'cannot set original repo property without secret key';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION _fs_dir_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.repo IS NOT NULL AND OLD.mimetype = 'Directory' AND EXISTS (
            SELECT FROM originalfile WHERE repo = OLD.repo AND path = OLD.path || OLD.name || '/') THEN
        RAISE EXCEPTION 'directory OriginalFile:% still has contents: %', OLD.id, OLD.path || OLD.name;
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION _fs_log_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.repo IS NOT NULL THEN
        INSERT INTO _fs_deletelog (event_id, file_id, owner_id, group_id, path, name, repo)
        VALUES (_current_or_new_event(), OLD.id, OLD.owner_id, OLD.group_id, OLD.path, OLD.name, OLD.repo);
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION _fs_protected_mimetype() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.mimetype IN ('Directory', 'Repository') AND NEW.mimetype IS DISTINCT FROM OLD.mimetype THEN
        RAISE EXCEPTION 'the mimetype of OriginalFile:% is % and cannot be changed', OLD.id, OLD.mimetype;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION image_series_default_zero() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.series := coalesce(NEW.series, 0);
    RETURN NEW;
END $$;

-- Namespaces, folders, upgrades ------------------------------------------------------------------------------------

CREATE FUNCTION add_to_namespace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.ns IS NOT NULL AND NOT EXISTS (SELECT FROM namespace WHERE name = NEW.ns) THEN
        INSERT INTO namespace (id, permissions, name) VALUES (ome_nextval('seq_namespace'), -52, NEW.ns)
        ON CONFLICT (name) DO NOTHING;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION delete_from_namespace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM annotation WHERE ns = OLD.name) THEN
        RAISE EXCEPTION 'cannot delete namespace that is still used by an annotation: %', OLD.name;
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION update_namespace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name <> OLD.name AND EXISTS (SELECT FROM annotation WHERE ns = OLD.name) THEN
        RAISE EXCEPTION 'cannot rename namespace that is still used by an annotation: %', OLD.name;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION preserve_folder_tree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
            WITH RECURSIVE above (id) AS (
                SELECT NEW.parentfolder
                UNION SELECT folder.parentfolder FROM folder JOIN above ON folder.id = above.id)
            SELECT FROM above WHERE id = NEW.id) THEN
        RAISE EXCEPTION 'Folder:% cannot be among its own parents', NEW.id;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION dbpatch_versions_trigger_function() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.currentversion, NEW.currentpatch) <> (NEW.previousversion, NEW.previouspatch) AND EXISTS (
            SELECT FROM dbpatch WHERE id <> NEW.id
            AND (currentversion, currentpatch) = (NEW.currentversion, NEW.currentpatch)
            AND (previousversion, previouspatch) = (NEW.previousversion, NEW.previouspatch)) THEN
        RAISE EXCEPTION 'upgrades cannot be repeated';
    END IF;
    RETURN NEW;
END $$;

-- Users and groups that every OMERO needs --------------------------------------------------------------------------

CREATE FUNCTION prevent_experimenter_rename() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.omename <> OLD.omename AND EXISTS (
            SELECT FROM _roles WHERE OLD.id IN (root_user_id, guest_user_id)) THEN
        RAISE EXCEPTION 'cannot rename the user %', OLD.omename;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION prevent_experimenter_group_rename() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name <> OLD.name AND EXISTS (
            SELECT FROM _roles WHERE OLD.id IN (system_group_id, user_group_id, guest_group_id)) THEN
        RAISE EXCEPTION 'cannot rename the group %', OLD.name;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION prevent_root_deactivate_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM _roles WHERE OLD.child = root_user_id AND OLD.parent IN (system_group_id, user_group_id)) THEN
        RAISE EXCEPTION 'cannot remove the root user from the system or user group';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION prevent_root_deactivate_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.child, NEW.parent) <> (OLD.child, OLD.parent) AND EXISTS (
            SELECT FROM _roles WHERE OLD.child = root_user_id AND OLD.parent IN (system_group_id, user_group_id)) THEN
        RAISE EXCEPTION 'cannot remove the root user from the system or user group';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION prevent_root_privilege_restriction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF starts_with(NEW.name, 'AdminPrivilege:') AND EXISTS (
            SELECT FROM _roles WHERE NEW.experimenter_id = root_user_id) THEN
        RAISE EXCEPTION 'cannot restrict the admin privileges of the root user: %', NEW.name;
    END IF;
    RETURN NEW;
END $$;
