#!/usr/bin/env bash
# Run by the image before the server starts: the mounted jars replace what the image has of the same artifacts,
# because the server loads every jar in lib/server and two versions of one would clash.
set -euo pipefail
shopt -s nullglob
server=/opt/omero/server/OMERO.server/lib/server
for jar in /opt/zarr-jars/*.jar; do
    artifact=$(basename "$jar" .jar | sed -E 's/-[0-9][^-]*(-SNAPSHOT)?$//')
    rm -f "$server/$artifact.jar" "$server/$artifact"-[0-9]*.jar
    cp "$jar" "$server/"
done
