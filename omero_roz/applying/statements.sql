-- Moving images between filesets, for any number of filesets and images: every statement runs once a transaction.
-- The rows to write come as one array a column. Omitted columns are null. What joins them with a table says the ids
-- twice: the planner would read the whole table, or its whole index, for a few thousand rows.

-- name: lock_filesets
SELECT id, owner_id, group_id, permissions FROM fileset WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id FOR UPDATE

-- name: lock_images
-- The filesets being locked FOR UPDATE, no image can come to them; these may still be linked to meanwhile.
SELECT id FROM image WHERE fileset = ANY(%(filesets)s::bigint[]) OR id = ANY(%(images)s::bigint[])
ORDER BY id FOR NO KEY UPDATE

-- name: lock_pixels
SELECT id FROM pixels WHERE image = ANY(%(images)s::bigint[]) ORDER BY id FOR NO KEY UPDATE

-- name: read_images
SELECT i.id, i.owner_id, i.group_id, i.fileset, i.series, e.entitytype, e.entityid, e.lsid, e.uuid, e.id,
    p.path, p.name, p.repo
FROM image i JOIN pixels p ON p.image = i.id AND p.image_index = 0 LEFT JOIN externalinfo e ON e.id = i.external_id
WHERE i.id = ANY(%(ids)s::bigint[]) AND p.image = ANY(%(ids)s::bigint[])

-- name: pixels_files
SELECT image, path, name, repo FROM pixels WHERE image = ANY(%(images)s::bigint[]) AND image_index = 0

-- name: repository
SELECT repo FROM originalfile WHERE path = %(path)s AND name = %(name)s AND mimetype = 'Directory' AND repo IS NOT NULL

-- name: lacking_rights
SELECT act || ' ' || name FROM (VALUES ('UPDATE', 'image'), ('UPDATE', 'pixels'), ('UPDATE', 'annotation'),
    ('INSERT', 'annotation'), ('INSERT', 'event'), ('INSERT', 'eventlog'), ('INSERT', 'externalinfo'),
    ('INSERT', 'fileset'), ('INSERT', 'filesetannotationlink'), ('INSERT', 'filesetentry'), ('INSERT', 'originalfile')
) AS needed (act, name) WHERE NOT has_table_privilege(name, act)

-- name: paths_used
-- Not through the API: a fileset that was given to somebody else since is still using its files.
SELECT DISTINCT o.path FROM originalfile o JOIN filesetentry e ON e.originalfile = o.id
WHERE o.path = ANY(%(paths)s::text[]) AND o.repo IS NOT NULL

-- name: read_from
-- Reads all of pixels: there is no index of paths.
SELECT DISTINCT p.image FROM filesetentry e JOIN originalfile o ON o.id = e.originalfile
    JOIN pixels p ON p.repo = o.repo AND p.name = o.name AND btrim(p.path, '/') = btrim(o.path, '/')
WHERE e.fileset = %(fileset)s AND o.repo IS NOT NULL

-- name: lock_registered
-- Shared: their owner may rename the rows of files, and what is compared here is what is written.
SELECT o.path, o.name, o.repo, f.owner_id, f.group_id, v.experimenter, EXISTS (SELECT FROM groupexperimentermap m
    JOIN experimentergroup g ON g.id = m.parent WHERE m.child = v.experimenter AND g.name = 'system')
FROM originalfile o JOIN event v ON v.id = o.update_id
    LEFT JOIN filesetentry e ON e.originalfile = o.id LEFT JOIN fileset f ON f.id = e.fileset
WHERE o.path = ANY(%(paths)s::text[]) AND o.repo IS NOT NULL FOR SHARE OF o

-- name: people
SELECT id, omename FROM experimenter WHERE id = ANY(%(ids)s::bigint[])

-- name: directories
-- Those that are no administrator's; the paths of the root's have one slash or none.
SELECT o.repo, o.path, o.name, o.owner_id
FROM unnest(%(paths)s::text[], %(names)s::text[]) AS wanted (path, name)
    JOIN originalfile o ON o.path = wanted.path AND o.name = wanted.name
WHERE o.repo IS NOT NULL AND o.mimetype = 'Directory' AND NOT EXISTS (SELECT FROM groupexperimentermap m
    JOIN experimentergroup g ON g.id = m.parent WHERE m.child = o.owner_id AND g.name = 'system')

-- name: lock_infos
-- Only such as no image has: one that is in use is not taken from there.
SELECT e.id, e.owner_id, e.group_id, e.entitytype, e.entityid, e.lsid, e.uuid FROM externalinfo e
WHERE e.id = ANY(%(ids)s::bigint[]) AND NOT EXISTS (SELECT FROM image i WHERE i.external_id = e.id) FOR KEY SHARE OF e

-- name: open_event
-- _prepare_session makes the triggers use this event, instead of making one of nobody's for each row.
WITH made AS (
    INSERT INTO event (id, permissions, time, experimenter, experimentergroup, session, type)
    SELECT ome_nextval('seq_event'), -52, clock_timestamp(), %(user)s, %(group)s, %(session)s, id
    FROM eventtype WHERE value = 'User'
    RETURNING id, experimenter, experimentergroup)
SELECT id, _prepare_session(id, experimenter, experimentergroup) FROM made

-- name: next_ids
SELECT name, ome_nextval('seq_' || name, n) FROM unnest(%(names)s::text[], %(counts)s::integer[]) AS wanted (name, n)

-- name: last_entries
SELECT fileset, max(fileset_index) FROM filesetentry WHERE fileset = ANY(%(ids)s::bigint[]) GROUP BY fileset

-- name: insert_filesets
INSERT INTO fileset (id, owner_id, group_id, permissions, creation_id, update_id, templateprefix)
SELECT id, owner, grp, permissions, %(event)s, %(event)s, prefix
FROM unnest(%(id)s::bigint[], %(owner)s::bigint[], %(grp)s::bigint[], %(permissions)s::bigint[], %(prefix)s::text[])
    AS made (id, owner, grp, permissions, prefix)

-- name: insert_files
-- The key that allows a repository's file is the uuid of a live node, before the name; a trigger takes it off again.
-- Without ORDER BY it is the one that the trigger meets first.
INSERT INTO originalfile (id, owner_id, group_id, permissions, creation_id, update_id, version,
    path, name, repo, size, hash, hasher, mimetype, ctime, mtime)
SELECT id, owner, grp, permissions, %(event)s, %(event)s, 0,
    path, coalesce((SELECT uuid FROM node WHERE down IS NULL LIMIT 1), '') || name, repo, size, sha1,
    (SELECT c.id FROM checksumalgorithm c WHERE c.value = 'SHA1-160'), mimetype, clock_timestamp(), clock_timestamp()
FROM unnest(%(id)s::bigint[], %(owner)s::bigint[], %(grp)s::bigint[], %(permissions)s::bigint[], %(path)s::text[],
    %(name)s::text[], %(repo)s::text[], %(size)s::bigint[], %(sha1)s::text[], %(mimetype)s::text[])
    AS made (id, owner, grp, permissions, path, name, repo, size, sha1, mimetype)

-- name: insert_entries
INSERT INTO filesetentry (id, owner_id, group_id, permissions, creation_id, update_id, fileset, fileset_index,
    originalfile, clientpath)
SELECT id, owner, grp, permissions, %(event)s, %(event)s, fileset, position, file, path
FROM unnest(%(id)s::bigint[], %(owner)s::bigint[], %(grp)s::bigint[], %(permissions)s::bigint[], %(fileset)s::bigint[],
    %(position)s::integer[], %(file)s::bigint[], %(path)s::text[])
    AS made (id, owner, grp, permissions, fileset, position, file, path)

-- name: insert_external_infos
INSERT INTO externalinfo (id, owner_id, group_id, permissions, creation_id, entitytype, entityid, lsid, uuid)
SELECT id, owner, grp, permissions, %(event)s, entity_type, entity_id, lsid, uuid
FROM unnest(%(id)s::bigint[], %(owner)s::bigint[], %(grp)s::bigint[], %(permissions)s::bigint[],
    %(entity_type)s::text[], %(entity_id)s::bigint[], %(lsid)s::text[], %(uuid)s::text[])
    AS made (id, owner, grp, permissions, entity_type, entity_id, lsid, uuid)

-- name: update_images
UPDATE image SET fileset = made.fileset, series = made.series, update_id = %(event)s,
    external_id = CASE WHEN made.rebound THEN made.external ELSE image.external_id END
FROM unnest(%(id)s::bigint[], %(fileset)s::bigint[], %(series)s::integer[], %(rebound)s::boolean[],
    %(external)s::bigint[]) AS made (id, fileset, series, rebound, external)
WHERE image.id = made.id AND image.id = ANY(%(id)s::bigint[])

-- name: update_pixels
UPDATE pixels SET path = made.path, name = made.name, repo = made.repo, update_id = %(event)s
FROM unnest(%(image)s::bigint[], %(path)s::text[], %(name)s::text[], %(repo)s::text[]) AS made (image, path, name, repo)
WHERE pixels.image = made.image AND pixels.image_index = 0 AND pixels.image = ANY(%(image)s::bigint[])

-- name: insert_annotations
INSERT INTO annotation (id, owner_id, group_id, permissions, creation_id, update_id, discriminator, ns, name, textvalue)
SELECT id, owner, grp, permissions, %(event)s, %(event)s, discriminator, ns, name, text
FROM unnest(%(id)s::bigint[], %(owner)s::bigint[], %(grp)s::bigint[], %(permissions)s::bigint[],
    %(discriminator)s::text[], %(ns)s::text[], %(name)s::text[], %(text)s::text[])
    AS made (id, owner, grp, permissions, discriminator, ns, name, text)

-- name: insert_map_values
INSERT INTO annotation_mapvalue (annotation_id, index, name, value)
SELECT annotation, position, name, value
FROM unnest(%(annotation)s::bigint[], %(position)s::integer[], %(name)s::text[], %(value)s::text[])
    AS made (annotation, position, name, value)

-- name: insert_links
INSERT INTO filesetannotationlink (id, owner_id, group_id, permissions, creation_id, update_id, parent, child)
SELECT id, owner, grp, permissions, %(event)s, %(event)s, parent, child
FROM unnest(%(id)s::bigint[], %(owner)s::bigint[], %(grp)s::bigint[], %(permissions)s::bigint[], %(parent)s::bigint[],
    %(child)s::bigint[]) AS made (id, owner, grp, permissions, parent, child)

-- name: rewrite_annotations
UPDATE annotation SET textvalue = made.text, update_id = %(event)s
FROM unnest(%(id)s::bigint[], %(text)s::text[]) AS made (id, text) WHERE annotation.id = made.id

-- name: insert_log
-- Thousands of rows have few kinds, so that these are not sent with each.
INSERT INTO eventlog (id, permissions, action, entitytype, entityid, event)
SELECT id, -52, (%(actions)s::text[])[kind], (%(types)s::text[])[kind], entity, %(event)s
FROM unnest(%(id)s::bigint[], %(kind)s::integer[], %(entity)s::bigint[]) AS made (id, kind, entity)

-- name: images_inside
SELECT id, fileset FROM image WHERE fileset = ANY(%(filesets)s::bigint[])
