/** Videos to choose from, each with its poster. */
import { useState } from "preact/hooks";
import { useLive } from "../../api/live";
import { Empty, Panel, ProblemNote, Tabs } from "../../parts/panel";
import { date, whole } from "../../parts/format";
import { channel, fileOf, length } from "./names";
import { usePicture } from "./sprite";

interface ShelfGiven {
  chosen: string;
  addressOf: (video: string) => string;
}

const LISTS = ["channel", "popular"] as const;
type List = (typeof LISTS)[number];

export function Shelf(given: ShelfGiven) {
  const own = useLive("/api/media/video/queries/channel", { channel: channel.value, limit: 50 });
  const [wanted, setWanted] = useState<List | null>(null);
  const list = wanted ?? (own.value?.length === 0 ? "popular" : "channel");
  const titles = { channel: `By ${channel.value}`, popular: "Most seen" };
  const tabs = <Tabs label="Lists of videos" names={LISTS} chosen={list} onChoose={setWanted} titles={titles} />;
  return (
    <Panel title="Videos" tools={tabs}>
      {list === "channel" ? <OfChannel {...given} own={own} /> : <MostSeen {...given} />}
    </Panel>
  );
}

interface ChannelGiven extends ShelfGiven {
  own: ReturnType<typeof useLive<"/api/media/video/queries/channel">>;
}

function OfChannel({ chosen, addressOf, own }: ChannelGiven) {
  return (
    <>
      <ProblemNote problem={own.problem} />
      {own.value?.length === 0 && <Empty>{channel.value} shows no video yet.</Empty>}
      <ul class="video-shelf">
        {(own.value ?? []).map((row) => (
          <Card
            key={row.video}
            video={row.video}
            title={row.title}
            about={date(row.published_at_ms)}
            badge={length(row.duration_us / 1e6)}
            isChosen={row.video === chosen}
            address={addressOf(row.video)}
          />
        ))}
      </ul>
    </>
  );
}

function MostSeen({ chosen, addressOf }: ShelfGiven) {
  const { value: rows, problem } = useLive("/api/media/video/queries/popular", { limit: 50 });
  return (
    <>
      <ProblemNote problem={problem} />
      {rows?.length === 0 && <Empty>No video was seen yet.</Empty>}
      <ul class="video-shelf">
        {(rows ?? []).map((row) => (
          <Card
            key={row.video}
            video={row.video}
            title={row.title}
            about={`${row.channel} · ${views(row.views)}`}
            isChosen={row.video === chosen}
            address={addressOf(row.video)}
          />
        ))}
      </ul>
    </>
  );
}

export function views(count: number): string {
  return count === 1 ? "1 view" : `${whole(count)} views`;
}

interface CardGiven {
  video: string;
  title: string;
  about: string;
  badge?: string;
  isChosen: boolean;
  address: string;
}

function Card({ video, title, about, badge, isChosen, address }: CardGiven) {
  const poster = usePicture(fileOf(video, "poster-2.jpg"));
  return (
    <li>
      <a class="video-card" href={address} aria-current={isChosen ? "true" : undefined}>
        <span class="video-poster">
          {poster !== "" && <img src={poster} alt="" />}
          {badge !== undefined && <span class="video-badge">{badge}</span>}
        </span>
        <span class="video-card-text">
          <strong class="video-name">{title || "Untitled"}</strong>
          <span class="muted small">{about}</span>
        </span>
      </a>
    </li>
  );
}
