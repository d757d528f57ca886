/** The feed: compose, timelines that move by themselves, profiles, threads, an inbox. */
import { useEffect } from "preact/hooks";
import { useLive } from "../../api/live";
import { short } from "../../parts/format";
import { PageHead, Panel } from "../../parts/panel";
import { Compose } from "./compose";
import "./feed.css";
import { Notices } from "./notices";
import { addressOf, keepAccount, type Place, usePlace, type View } from "./place";
import { Avatar } from "./post";
import { FollowButton, Profile, useFollowing } from "./profile";
import { Thread } from "./thread";
import { Timeline } from "./timeline";
import { useSomeAccounts, Welcome } from "./welcome";

const WAYS: readonly [View, string][] = [
  ["home", "Home"],
  ["ranked", "For you"],
  ["notifications", "Notifications"],
  ["profile", "Profile"],
];

function Ways({ place }: { place: Place }) {
  return (
    <nav class="feed-ways" aria-label="Feed">
      {WAYS.map(([view, title]) => (
        <a
          key={view}
          href={addressOf({ as: place.as, view, of: view === "profile" ? place.as : "" })}
          aria-current={place.view === view && (view !== "profile" || place.of === place.as) ? "page" : undefined}
        >
          {title}
        </a>
      ))}
    </nav>
  );
}

function Trending({ as }: { as: string }) {
  const { value } = useLive("/api/social/feed/queries/trending", { limit: 8 });
  return (
    <Panel title="Trending">
      <ol class="feed-trends">
        {(value ?? []).map((row) => (
          <li key={row.hashtag} class="row">
            <a href={addressOf({ as, view: "hashtag", of: row.hashtag })}>#{row.hashtag}</a>
            <span class="small muted end">{short(row.recent)} today</span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function WhoToFollow({ as }: { as: string }) {
  const follows = useFollowing(as);
  const found = useSomeAccounts().filter((name) => name !== as && !follows.has(name));
  if (found.length === 0) return null;
  return (
    <Panel title="Who to follow">
      <div class="stack">
        {found.slice(0, 4).map((name) => (
          <div key={name} class="row">
            <Avatar name={name} />
            <a href={addressOf({ as, view: "profile", of: name })}>@{name}</a>
            <span class="end">
              <FollowButton as={as} author={name} follows={false} />
            </span>
          </div>
        ))}
      </div>
    </Panel>
  );
}

function Middle({ place }: { place: Place }) {
  const { as, view, of } = place;
  switch (view) {
    case "home":
      return (
        <Panel title="Home" flush>
          <div class="feed-top">
            <Compose as={as} kind="original" label="What is happening?" />
          </div>
          <Timeline key={`home ${as}`} list="home" as={as} of="" empty="Nothing here yet: follow somebody." />
        </Panel>
      );
    case "ranked":
      return (
        <Panel title="For you" flush>
          <Timeline key={`ranked ${as}`} list="home_ranked" as={as} of="" empty="Nothing here yet: follow somebody." />
        </Panel>
      );
    case "notifications":
      return (
        <Panel title="Notifications" flush>
          <Notices as={as} />
        </Panel>
      );
    case "hashtag":
      return (
        <Panel title={`#${of}`} flush>
          <Timeline key={`tag ${of} ${as}`} list="hashtag" as={as} of={of} empty="Nobody used it yet." />
        </Panel>
      );
    case "thread":
      return (
        <Panel title="Thread" flush>
          <Thread key={`${of}.${place.post}`} as={as} author={of} post_id={place.post} />
        </Panel>
      );
    case "profile":
      return (
        <Panel title={`@${of || as}`} flush>
          <Profile as={as} of={of || as} />
          <Timeline key={`posts ${of} ${as}`} list="posts" as={as} of={of || as} empty="No posts yet." />
        </Panel>
      );
  }
}

export default function Feed() {
  const [place, go] = usePlace();
  const { as } = place;
  useEffect(() => {
    if (as !== "") keepAccount(as);
  }, [as]);
  if (as === "") {
    return (
      <div class="page feed">
        <PageHead title="Feed" about="Posts, and who sees them when: fanned out as they happen." />
        <Welcome onChoose={(name) => go({ as: name })} />
      </div>
    );
  }
  return (
    <div class="page feed">
      <PageHead title="Feed">
        <span class="row">
          <Avatar name={as} />
          <span>
            you are <strong>@{as}</strong>
          </span>
          <button
            type="button"
            onClick={() => {
              keepAccount("");
              go({ as: "" });
            }}
          >
            Somebody else
          </button>
        </span>
      </PageHead>
      <div class="feed-columns">
        <Ways place={place} />
        <div class="stack">
          <Middle place={place} />
        </div>
        <aside class="stack feed-aside" aria-label="To discover">
          <Trending as={as} />
          <WhoToFollow key={as} as={as} />
        </aside>
      </div>
    </div>
  );
}
