"""The read models of photos.

photos.events ─► photos.py    photos: where each stands; renditions: what is published
"""

from projections.media.photos import queries
from projections.media.photos.photos import PUBLISHED_PHOTOS

PROJECTIONS = (PUBLISHED_PHOTOS,)
QUERIES = queries.QUERIES
DEMO_QUERIES = (queries.photos, queries.photo, queries.renditions, queries.failed)
