/** One system, whichever: its commands, its queries, and what happens in it. All is made from the
 * gateway's own description. */
import { useLocation, useRoute } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../../api/client";
import { words } from "../../parts/format";
import { Empty, PageHead, Panel, ProblemNote, problemOf } from "../../parts/panel";
import { CommandPanel } from "./command";
import { describe, type Description, type Operation } from "./description";
import { EventsPanel } from "./events";
import { QueryPanel } from "./query";
import "./system.css";

export default function SystemPage() {
  const { family = "", system = "" } = useRoute().params as { family?: string; system?: string };
  const [found, setFound] = useState<{ name: string; description: Description } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const name = `${family}.${system}`;
  useEffect(() => {
    let isHere = true;
    setProblem(null);
    describe(family, system).then(
      (description) => isHere && setFound({ name, description }),
      (error: unknown) => isHere && setProblem(problemOf(error)),
    );
    return () => {
      isHere = false;
    };
  }, [name]);
  const description = found?.name === name ? found.description : null;
  return (
    <div class="page">
      <PageHead title={name} about={description?.about ?? "…"}>
        <a href={`/time/${family}/${system}`}>Time machine</a>
        <a href={`/schema#${name}`} target="_blank" rel="noreferrer">
          Reference
        </a>
      </PageHead>
      <ProblemNote problem={problem} />
      {description !== null && <System key={name} {...{ family, system, description }} />}
    </div>
  );
}

interface Given {
  family: string;
  system: string;
  description: Description;
}

function System({ family, system, description }: Given) {
  const { query } = useLocation();
  const { commands, queries, schemas, events } = description;
  const command = commands.find((each) => each.name === query["command"]);
  const asked = queries.find((each) => each.name === query["query"]);
  const first = command ?? asked ?? commands[0] ?? queries[0];
  return (
    <div class="system">
      <Panel title="What it takes" class="system-list">
        <Choice title="Commands" kind="command" operations={commands} chosen={first} />
        <Choice title="Queries" kind="query" operations={queries} chosen={first} />
      </Panel>
      <div class="stack">
        {first === undefined ? (
          <Empty>It takes no commands, and answers no queries.</Empty>
        ) : commands.includes(first) ? (
          <CommandPanel key={first.path} operation={first} schemas={schemas} />
        ) : (
          <QueryPanel key={first.path} system={`${family}.${system}`} operation={first} schemas={schemas} />
        )}
        <EventsPanel path={`/api/${family}/${system}/events`} types={events} />
      </div>
    </div>
  );
}

interface ChoiceGiven {
  title: string;
  kind: "command" | "query";
  operations: Operation[];
  chosen: Operation | undefined;
}

/** Links, so that each has an address of its own. On a narrow screen, a menu. */
function Choice({ title, kind, operations, chosen }: ChoiceGiven) {
  const { path, route } = useLocation();
  const current = operations.find((each) => each === chosen);
  return (
    <nav class="system-choice" aria-label={title}>
      <h3>{title}</h3>
      <ul>
        {operations.map((each) => (
          <li key={each.name}>
            <a href={`${path}?${kind}=${each.name}`} aria-current={each === chosen ? "page" : undefined} title={each.summary}>
              {words(each.name)}
            </a>
          </li>
        ))}
      </ul>
      <select
        aria-label={title}
        value={current?.name ?? ""}
        onChange={(event) => event.currentTarget.value !== "" && route(`${path}?${kind}=${event.currentTarget.value}`)}
      >
        <option value="">{title.toLowerCase()}</option>
        {operations.map((each) => (
          <option key={each.name} value={each.name}>
            {words(each.name)}
          </option>
        ))}
      </select>
    </nav>
  );
}
