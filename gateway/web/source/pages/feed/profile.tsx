/** An account: who it is, and the way to follow it. */
import { useState } from "preact/hooks";
import { type Problem, send } from "../../api/client";
import { useLive } from "../../api/live";
import { date, whole } from "../../parts/format";
import { Badge, Empty, Figure, ProblemNote, problemOf } from "../../parts/panel";
import { addressOf } from "./place";
import { Avatar } from "./post";

const FOLLOWED_MAX = 1000;

/** Whom an account follows, live. */
export function useFollowing(as: string): Set<string> {
  const { value } = useLive("/api/social/feed/queries/following", as === "" ? null : { follower: as, viewer: as, limit: FOLLOWED_MAX });
  return new Set((value ?? []).map((row) => row.author));
}

export function FollowButton({ as, author, follows }: { as: string; author: string; follows: boolean }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asked, setAsked] = useState(false);
  async function toggle(): Promise<void> {
    setProblem(null);
    try {
      const answer = await send(`/api/social/feed/commands/${follows ? "unfollow" : "follow"}`, { author, follower: as });
      setAsked(answer.events.some((event) => event.type.startsWith("follow_requested")));
    } catch (error) {
      setProblem(problemOf(error));
    }
  }
  return (
    <>
      <button type="button" class={follows ? "" : "primary"} aria-pressed={follows} onClick={() => void toggle()}>
        {follows ? "Following" : asked ? "Requested" : "Follow"}
      </button>
      <ProblemNote problem={problem} />
    </>
  );
}

export function Profile({ as, of }: { as: string; of: string }) {
  const { value: account, applied } = useLive("/api/social/feed/queries/profile", { author: of, viewer: as });
  const follows = useFollowing(as);
  if (account === null) {
    return Object.keys(applied).length > 0 ? <Empty>There is no @{of} that you can see.</Empty> : null;
  }
  return (
    <div class="feed-profile">
      <Avatar name={of} />
      <div class="stack">
        <div class="row">
          <div>
            <strong>{account.name || of}</strong> <span class="muted">@{of}</span>
          </div>
          {account.private && <Badge>private</Badge>}
        </div>
        {account.bio !== "" && <p>{account.bio}</p>}
        <p class="small muted">here since {date(account.registered_at_ms)}</p>
        <div class="feed-figures">
          <Figure label="posts">{whole(account.posts)}</Figure>
          <Figure label="followers">{whole(account.followers)}</Figure>
          <Figure label="following">{whole(account.following)}</Figure>
        </div>
      </div>
      {as !== "" && as !== of && (
        <div class="end">
          <FollowButton as={as} author={of} follows={follows.has(of)} />
        </div>
      )}
      {as === of && (
        <a class="end small" href={addressOf({ as: "" })}>
          That is you
        </a>
      )}
    </div>
  );
}
