"""The outside of videos: ffmpeg as a process, the boxes of MP4, playlists and pictures."""
