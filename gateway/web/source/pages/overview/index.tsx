/** The house: systems, traffic, the flow between them, their topics, and what went wrong. */
import { useRef, useState } from "preact/hooks";
import { short, whole } from "../../parts/format";
import { Figure, PageHead, ProblemNote } from "../../parts/panel";
import { FlowPanel } from "./flow";
import { LettersPanel } from "./letters";
import "./overview.css";
import { PartitionsPanel } from "./partitions";
import { SystemsPanel } from "./systems";
import { rate, useHouse, type SystemTold } from "./told";
import { TrafficPanel } from "./traffic";

function sum(systems: readonly SystemTold[], of: (system: SystemTold) => number): number {
  return systems.reduce((total, system) => total + of(system), 0);
}

export default function Overview() {
  const { house, problem } = useHouse();
  const [letters, setLetters] = useState("");
  const lettersPlace = useRef<HTMLDivElement>(null);
  const systems = house?.systems ?? [];

  function showLetters(system: string): void {
    setLetters(system);
    lettersPlace.current?.scrollIntoView({ block: "start" });
    lettersPlace.current?.querySelector("select")?.focus({ preventScroll: true });
  }

  return (
    <div class="page overview" data-page="overview">
      <PageHead title="Overview" about="Everything that happens is a record on a topic. This is what happens now.">
        <Figures systems={systems} />
      </PageHead>
      <ProblemNote problem={problem} />
      <TrafficPanel systems={systems} every_s={house?.every_s ?? 1} />
      <SystemsPanel systems={systems} onLetters={showLetters} />
      <FlowPanel systems={systems.map((each) => each.name)} rates={house?.flows_per_s ?? {}} />
      <div ref={lettersPlace}>
        <LettersPanel systems={systems} chosen={letters} onChoose={setLetters} />
      </div>
      <PartitionsPanel systems={systems} />
    </div>
  );
}

function Figures({ systems }: { systems: readonly SystemTold[] }) {
  const waiting = sum(systems, (each) => each.lag);
  const behind = Math.max(0, ...systems.map((each) => each.read_model_lag));
  const letters = sum(systems, (each) => each.dead_letters.waiting ?? each.dead_letters.kept);
  return (
    <div class="overview-figures">
      <Figure label="Commands/s">{rate(sum(systems, (each) => each.commands_per_s))}</Figure>
      <Figure label="Events/s">{rate(sum(systems, (each) => each.events_per_s))}</Figure>
      <Figure label="Events in all">{short(sum(systems, (each) => each.events))}</Figure>
      <Figure label="Waiting">{whole(waiting)}</Figure>
      <Figure label="Views behind">{whole(behind)}</Figure>
      <Figure label="Dead letters" {...(letters > 0 ? { tone: "danger" as const } : {})}>
        {whole(letters)}
      </Figure>
    </div>
  );
}
