"""The read models of uploads: what each table holds stands in the module of its projection.

uploads.events ─┬─► status.py     uploads: progress, files
                ├─► storage.py    storage: bytes and files by owner; policies
                └─► ledger.py     blobs: who holds how much, what is on its way out
"""

from projections.media.uploads import queries, renderings
from projections.media.uploads.ledger import BLOB_LEDGER
from projections.media.uploads.status import UPLOAD_STATUS
from projections.media.uploads.storage import STORAGE_BY_OWNER

PROJECTIONS = (UPLOAD_STATUS, STORAGE_BY_OWNER, BLOB_LEDGER)
QUERIES = queries.QUERIES
DEMO_QUERIES = (queries.largest, queries.uploads, queries.files, queries.storage)
RENDERINGS = renderings.RENDERINGS
