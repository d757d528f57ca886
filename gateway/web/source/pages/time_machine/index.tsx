/** The time machine: a system's history, to go along by hand, with all that stood there. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { getJson } from "../../api/client";
import { short } from "../../parts/format";
import { Empty, PageHead, Panel, ProblemNote, Tabs } from "../../parts/panel";
import { Compare } from "./compare";
import { Happened } from "./happened";
import type { Question } from "./history";
import { Machine } from "./machine";
import { firstAsked, ReadModels, rowsOf, type Asked } from "./read_models";
import { Drawing, StateTree } from "./state_view";
import { StoryView } from "./story";
import "./time_machine.css";
import { TimelineChart } from "./timeline";
import { Transport, useKeys } from "./transport";
import { WhatIfView } from "./what_if";
import type { Draft } from "./what_if_draft";

interface Listed {
  name: string;
}

const STATES = ["drawing", "tables", "tree"] as const;
const LABORATORY = ["story", "compare", "what-if"] as const;
const QUESTIONS_TRIED = 6;
type Laboratory = (typeof LABORATORY)[number];

export default function Page() {
  const { params } = useRoute();
  const system = params.family === undefined ? null : `${params.family}.${params.system}`;
  return system === null ? <Chooser /> : <TimeMachine key={system} system={system} />;
}

function useSystems(): readonly string[] {
  const [systems, setSystems] = useState<readonly string[]>([]);
  useEffect(() => {
    getJson<{ systems: Listed[] }>("/api")
      .then((found) => setSystems(found.systems.map((each) => each.name)))
      .catch(() => setSystems([]));
  }, []);
  return systems;
}

function Chooser() {
  const systems = useSystems();
  return (
    <div class="page">
      <PageHead title="Time machine" about="Every state that there ever was, and what led to it. Choose a system." />
      <nav class="tm-chooser" aria-label="Systems">
        {systems.map((name) => (
          <a key={name} class="panel" href={`/time/${name.replace(".", "/")}`}>
            <span class="muted small">{name.split(".")[0]}</span>
            <strong>{name.split(".")[1]}</strong>
          </a>
        ))}
      </nav>
    </div>
  );
}

function TimeMachine({ system }: { system: string }) {
  const { query } = useLocation();
  const machine = useMemo(() => new Machine(system), [system]);
  const [questions, setQuestions] = useState<readonly Question[] | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [shown, setShown] = useState<(typeof STATES)[number]>("drawing");
  const [laboratory, setLaboratory] = useState<Laboratory>("story");
  const [draft, setDraft] = useState<Draft>({ edits: [], rules: "" });
  useKeys(machine);
  useFirstQuestion(machine, questions, asked, setAsked);
  useEffect(() => {
    const given = new URLSearchParams(query);
    void machine.open(given);
    machine.story.value = given.get("story");
    machine.past
      .questions()
      .then(setQuestions)
      .catch(() => setQuestions([]));
    return () => machine.close();
  }, [machine]);
  useAddress(machine);
  const story = machine.story.value;
  useEffect(() => {
    if (story !== null) setLaboratory("story");
  }, [story]);
  const pin = machine.pin.value;
  useEffect(() => {
    if (pin !== null) setLaboratory("compare");
  }, [pin?.offset]);

  function edit(op: "remove" | "change" | "add"): void {
    const here = machine.moment.value;
    if (here?.command == null) return;
    const value = here.command.value as Record<string, unknown>;
    const next = { op, partition: here.partition, offset: here.command_offset, type: here.command.type, value, set: {} };
    setDraft({ ...draft, edits: [...draft.edits.filter((each) => each.offset !== next.offset || each.op !== op), next] });
    setLaboratory("what-if");
  }

  const here = machine.moment.value;
  return (
    <div class="page tm">
      <Head machine={machine} />
      <ProblemNote problem={machine.problem.value} />
      <section class="panel tm-top" aria-label="Timeline">
        {machine.own.value !== null && machine.own.value.last >= 0 ? <TimelineChart machine={machine} /> : <div style={{ minHeight: "132px" }} />}
        <Transport machine={machine} />
      </section>
      {machine.own.value !== null && machine.own.value.last < 0 && here === null && <Empty>No command was decided here yet.</Empty>}
      <div class="tm-columns">
        <Happened machine={machine} edit={edit} />
        <Panel
          title="As it was"
          class="tm-was"
          tools={
            <Tabs
              label="How to show it"
              names={STATES}
              chosen={shown}
              onChoose={setShown}
              titles={{ drawing: "Drawing", tables: "Read models", tree: "State" }}
            />
          }
        >
          {shown === "drawing" && <Drawing machine={machine} />}
          {shown === "tables" && <ReadModels machine={machine} questions={questions} asked={asked} ask={setAsked} />}
          {shown === "tree" && <StateTree machine={machine} />}
        </Panel>
        <Panel
          title="Laboratory"
          class="tm-laboratory"
          tools={
            <Tabs
              label="What to find out"
              names={LABORATORY}
              chosen={laboratory}
              onChoose={setLaboratory}
              titles={{ story: "Story", compare: "Compare", "what-if": "What if" }}
            />
          }
        >
          {laboratory === "story" && <StoryView machine={machine} />}
          {laboratory === "compare" && <Compare machine={machine} asked={asked} />}
          {laboratory === "what-if" && <WhatIfView machine={machine} draft={draft} change={setDraft} add={() => edit("add")} />}
        </Panel>
      </div>
    </div>
  );
}

function Head({ machine }: { machine: Machine }) {
  const systems = useSystems();
  const { route } = useLocation();
  const partitions = machine.histories.value?.partitions ?? [];
  return (
    <PageHead title="Time machine">
      <select
        aria-label="System"
        value={machine.system}
        onChange={(event) => route(`/time/${event.currentTarget.value.replace(".", "/")}`)}
      >
        {(systems.length === 0 ? [machine.system] : systems).map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <select
        aria-label="Partition"
        value={String(machine.partition.value)}
        onChange={(event) => machine.choose(Number(event.currentTarget.value))}
      >
        {partitions.map((each) => (
          <option key={each.partition} value={String(each.partition)}>
            partition {each.partition} · {short(each.commands)} commands
          </option>
        ))}
      </select>
      <Tabs
        label="The timeline's axis"
        names={["command", "time"] as const}
        chosen={machine.axis.value}
        onChoose={(axis) => (machine.axis.value = axis)}
        titles={{ command: "by command", time: "by time" }}
      />
    </PageHead>
  );
}

/** Begin with a query that has something to say at this moment, if one has. */
function useFirstQuestion(
  machine: Machine,
  questions: readonly Question[] | null,
  asked: Asked | null,
  choose: (asked: Asked) => void,
): void {
  const here = machine.settled.value;
  const isDue = asked === null && questions !== null && here !== null;
  useEffect(() => {
    if (!isDue) return;
    const possible = questions.filter((each) => each.answerable).slice(0, QUESTIONS_TRIED);
    let ended = false; // somebody has chosen meanwhile
    void (async () => {
      for (const question of possible) {
        const { query, given } = firstAsked(question);
        const found = await machine.past.ask(query, { ...given, at: here.command_offset, partition: here.partition }).catch(() => null);
        if (ended) return;
        if (rowsOf(found).length > 0) return choose({ query, given });
      }
      const [first] = possible;
      if (first !== undefined && !ended) choose(firstAsked(first));
    })();
    return () => {
      ended = true;
    };
  }, [isDue]);
}

/** The address says where one stands, so that it can be sent to others. */
function useAddress(machine: Machine): void {
  const here = machine.settled.value;
  const pin = machine.pin.value;
  const following = machine.following.value;
  const axis = machine.axis.value;
  useEffect(() => {
    if (here === null) return;
    const given = new URLSearchParams({ partition: String(here.partition) });
    given.set("at", following ? "end" : String(here.command_offset));
    if (pin !== null) given.set("pin", String(pin.offset));
    if (axis !== "command") given.set("axis", axis);
    history.replaceState(history.state, "", `${location.pathname}?${given}`);
  }, [here, pin, following, axis]);
}
