"""The read models of videos: what each table holds stands in the module of its projection.

video.events ─┬─► video_status    videos, channel_videos
              ├─► playback        players, encodings, renditions, files
              ├─► storage         stored_videos, stored_encodings, user_storage
              └─► view_counts     views, day_views
"""

from projections.media.video import queries
from projections.media.video.playback import PLAYBACK
from projections.media.video.storage import STORAGE
from projections.media.video.videos import VIDEO_STATUS
from projections.media.video.views import VIEW_COUNTS

PROJECTIONS = (VIDEO_STATUS, PLAYBACK, STORAGE, VIEW_COUNTS)
QUERIES = queries.QUERIES
DEMO_QUERIES = (
    queries.popular,
    queries.status,
    queries.renditions,
    queries.channel,
    queries.storage,
)
