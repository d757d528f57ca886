/** Videos: upload one, see it encoded, watch it (`?video=`).
 *
 *     player     hls.js  ◄── playlists and segments
 *     upload     tus     ──► an upload ─► a video   ◄── live: how both stand
 *     shelf      ◄── live: a channel's videos, and those seen most
 */
import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import { queryString } from "../../api/client";
import { useLive } from "../../api/live";
import { Badge, Empty, PageHead, Panel, ProblemNote } from "../../parts/panel";
import { date } from "../../parts/format";
import { KeysDialog } from "./keys";
import { channel, isName, setChannel } from "./names";
import { Player } from "./player";
import { Shelf, views } from "./shelf";
import { UploadPanel } from "./upload_panel";
import "./video.css";

function addressOf(video: string): string {
  return `/video${queryString({ video })}`;
}

export default function Page() {
  const { query, route } = useLocation();
  const video = query.video ?? "";
  const [keysOpen, setKeysOpen] = useState(false);
  return (
    <div class="page video-page">
      <PageHead title="Video" about="Uploads go on where they broke off; each is cut, encoded and packaged here.">
        <ChannelField />
      </PageHead>
      <div class="video-main stack">
        {video === "" ? <NothingChosen /> : <Watching key={video} video={video} onKeys={() => setKeysOpen(true)} />}
      </div>
      <div class="video-side stack">
        <UploadPanel onWatch={(chosen) => route(addressOf(chosen))} />
        <Shelf chosen={video} addressOf={addressOf} />
      </div>
      <KeysDialog open={keysOpen} onClose={() => setKeysOpen(false)} />
    </div>
  );
}

function ChannelField() {
  const [text, setText] = useState(channel.value);
  const wrong = !isName(text);
  useEffect(() => setText(channel.value), [channel.value]);
  return (
    <label class="row">
      <span class="muted small">Channel</span>
      <input
        value={text}
        maxLength={200}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={wrong}
        title={wrong ? "A name without spaces" : undefined}
        onInput={(event) => {
          const name = event.currentTarget.value.trim();
          setText(name);
          if (isName(name)) setChannel(name);
        }}
      />
    </label>
  );
}

function NothingChosen() {
  return (
    <Panel title="Player" flush>
      <div class="video-nothing">
        <Empty>Upload a video, or choose one from the list.</Empty>
      </div>
    </Panel>
  );
}

function Watching({ video, onKeys }: { video: string; onKeys: () => void }) {
  const { value: status, problem } = useLive("/api/media/video/queries/status", { video });
  const { value: counted } = useLive("/api/media/video/queries/views", { video });
  const isShown = status?.status === "published" && !status.is_held;
  const title = status?.title || "Untitled";
  return (
    <section class="panel video-watching" aria-label={title}>
      {isShown ? (
        <Player video={video} title={title} onKeys={onKeys} />
      ) : (
        <div class="video-nothing">
          {status !== null && <Empty>{status.status === "taken_down" ? "It was taken down." : "It is not to be seen yet."}</Empty>}
          {status === null && problem === null && <Empty>Looking for it.</Empty>}
        </div>
      )}
      <div class="video-about">
        <ProblemNote problem={problem} />
        {status !== null && (
          <>
            <h2>{title}</h2>
            <p class="row muted small">
              <span>{status.channel}</span>
              <span>{views(counted?.views ?? 0)}</span>
              <span>{date(status.created_at_ms)}</span>
              {(status.encoding ?? 0) > 0 && <Badge tone="information">encoding {status.percent ?? 0} %</Badge>}
              {status.is_held && <Badge tone="warning">held: {status.reason}</Badge>}
            </p>
          </>
        )}
      </div>
    </section>
  );
}
