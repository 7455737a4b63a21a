-- How filesets were replaced before omero-roz, written from its description: row by row, every metadata file listed,
-- ids from nextval, no lock, no check; the caller changes the pixels outside.
CREATE FUNCTION bench_replace(old bigint, prefix text, secret text, paths text[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    new bigint;
    file bigint;
    one text;
    position integer := 0;
BEGIN
    new := nextval('seq_fileset');
    INSERT INTO fileset (id, permissions, owner_id, group_id, creation_id, update_id, templateprefix)
    SELECT new, permissions, owner_id, group_id, _current_or_new_event(), _current_or_new_event(), prefix
    FROM fileset WHERE id = old;
    FOREACH one IN ARRAY paths LOOP
        file := nextval('seq_originalfile');
        INSERT INTO originalfile (id, permissions, owner_id, group_id, creation_id, update_id, version, mimetype, path, name,
            repo)
        SELECT file, permissions, owner_id, group_id, creation_id, update_id, 0, 'application/octet-stream',
            prefix || regexp_replace(one, '[^/]*$', ''), secret || regexp_replace(one, '^.*/', ''), 'r'
        FROM fileset WHERE id = new;
        INSERT INTO filesetentry (id, permissions, owner_id, group_id, creation_id, update_id, fileset, originalfile,
            fileset_index, clientpath)
        SELECT nextval('seq_filesetentry'), permissions, owner_id, group_id, creation_id, update_id, new, file,
            position, one FROM fileset WHERE id = new;
        position := position + 1;
    END LOOP;
    UPDATE image SET fileset = new WHERE fileset = old;
    RETURN new;
END $$
