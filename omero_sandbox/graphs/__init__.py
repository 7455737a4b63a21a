"""Commands on whole graphs of rows (Delete2, Chgrp2, Chown2, SkipHead, DiskUsage2), and how rows hang together."""
