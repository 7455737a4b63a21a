"""Commands that take whole graphs of rows (Delete2, Chgrp2, SkipHead, DiskUsage2), and how rows hang together."""
