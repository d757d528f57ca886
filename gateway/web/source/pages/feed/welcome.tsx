/** Who are you? An account that is there, or a new one. */
import { useEffect, useState } from "preact/hooks";
import { ask, type Problem, send } from "../../api/client";
import { Field, Note, Panel, problemOf } from "../../parts/panel";

const ACCOUNTS_SHOWN = 12;

/** Accounts that posted with the hashtags of the day. */
async function someAccounts(): Promise<string[]> {
  const found = new Set<string>();
  for (const tag of await ask("/api/social/feed/queries/trending", { limit: 5 })) {
    const rows = await ask("/api/social/feed/queries/hashtag", { hashtag: tag.hashtag, limit: 20 });
    for (const row of rows) found.add(row.author);
    if (found.size >= ACCOUNTS_SHOWN) break;
  }
  return [...found].slice(0, ACCOUNTS_SHOWN);
}

export function useSomeAccounts(): string[] {
  const [accounts, setAccounts] = useState<string[]>([]);
  useEffect(() => {
    someAccounts().then(setAccounts, () => setAccounts([]));
  }, []);
  return accounts;
}

export function Welcome({ onChoose }: { onChoose: (account: string) => void }) {
  const accounts = useSomeAccounts();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);

  async function register(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const author = String(form.get("author") ?? "").trim();
    setBusy(true);
    setProblem(null);
    try {
      await send("/api/social/feed/commands/register_account", {
        author,
        name: String(form.get("name") ?? ""),
        bio: String(form.get("bio") ?? ""),
      });
      onChoose(author);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  }

  const errorOf = (field: string) => (problem?.field === field ? (problem.detail ?? problem.title) : undefined);
  return (
    <div class="feed-welcome">
      <Panel title="Look as somebody who is here">
        <div class="row">
          {accounts.map((name) => (
            <button key={name} type="button" onClick={() => onChoose(name)}>
              @{name}
            </button>
          ))}
          {accounts.length === 0 && <p class="muted">Nobody has posted yet: be the first.</p>}
        </div>
      </Panel>
      <Panel title="Or be somebody new">
        <form class="stack" onSubmit={register}>
          <Field label="Account" hint="1 to 30 of a-z, 0-9 and _" error={errorOf("author")}>
            {(given) => <input {...given} name="author" required pattern="[a-z0-9_]{1,30}" autocomplete="off" />}
          </Field>
          <Field label="Name" error={errorOf("name")}>
            {(given) => <input {...given} name="name" maxLength={50} autocomplete="off" />}
          </Field>
          <Field label="About you" error={errorOf("bio")}>
            {(given) => <input {...given} name="bio" maxLength={200} autocomplete="off" />}
          </Field>
          {problem !== null && errorOf("author") === undefined && <Note tone="danger">{problem.detail || problem.title}</Note>}
          <button class="primary" disabled={busy}>
            Register
          </button>
        </form>
      </Panel>
    </div>
  );
}
