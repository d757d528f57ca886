/** The flow of commands and events, drawn from the registry, with what goes along it now. */
import { useMemo, useState } from "preact/hooks";
import { Empty, Panel } from "../../parts/panel";
import { drawn, labelOf, ofHouse, ofSystem, type Drawing, type Placed, type PlacedEdge } from "./layout";
import { rate, useFlow, type Node } from "./told";

interface FlowGiven {
  systems: readonly string[];
  rates: Record<string, number>;
}

export function FlowPanel({ systems, rates }: FlowGiven) {
  const flow = useFlow();
  const [chosen, setChosen] = useState("");
  const drawing = useMemo(() => {
    if (flow === null) return null;
    return drawn(chosen === "" ? ofHouse(flow) : ofSystem(flow, chosen));
  }, [flow, chosen]);
  const tools = (
    <select aria-label="Of which system" value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
      <option value="">between all systems</option>
      {systems.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
  return (
    <Panel title="Flow" tools={tools} flush class="flow">
      <div class="flow-scroll" tabIndex={0} role="group" aria-label="The flow, drawn">
        {drawing === null ? <Empty>…</Empty> : <Picture drawing={drawing} rates={rates} />}
      </div>
      <p class="flow-legend small muted">
        <i data-kind="processor" /> decides <i data-kind="topic" /> topic <i data-kind="reactor" /> reactor <i data-kind="effect" /> effect,
        outside <i data-kind="read_models" /> read models · records a second on the lines
      </p>
    </Panel>
  );
}

function Picture({ drawing, rates }: { drawing: Drawing; rates: Record<string, number> }) {
  const told = drawing.edges.map(({ it }) => `${it.source} to ${it.target}`).join("; ");
  return (
    <svg
      class="flow-picture"
      role="img"
      aria-label={`Commands and events go from ${told}`}
      width={drawing.width}
      height={drawing.height}
      viewBox={`0 0 ${drawing.width} ${drawing.height}`}
    >
      <defs>
        <marker id="flow-end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse">
          <path d="M0,0.5 L7,4 L0,7.5 z" />
        </marker>
      </defs>
      {drawing.edges.map((edge) => (
        <Line key={edge.it.id} edge={edge} perSecond={rates[edge.it.id]} />
      ))}
      {drawing.nodes.map((node) => (
        <Box key={node.it.id} node={node} />
      ))}
      {drawing.edges.map((edge) => (
        <Rate key={edge.it.id} edge={edge} perSecond={rates[edge.it.id]} />
      ))}
    </svg>
  );
}

function Line({ edge, perSecond }: { edge: PlacedEdge; perSecond: number | undefined }) {
  const width = perSecond === undefined || perSecond === 0 ? 1 : Math.min(1.4 + Math.log10(1 + perSecond), 4);
  return <path class="flow-line" data-moves={(perSecond ?? 0) > 0} d={edge.path} stroke-width={width} marker-end="url(#flow-end)" />;
}

function Rate({ edge, perSecond }: { edge: PlacedEdge; perSecond: number | undefined }) {
  if (perSecond === undefined || perSecond === 0) return null;
  const text = rate(perSecond);
  const width = text.length * 6.6 + 8;
  return (
    <g class="flow-rate" data-edge={edge.it.id} transform={`translate(${edge.x},${edge.y})`}>
      <rect x={-width / 2} y={-8} width={width} height={16} rx={8} />
      <text text-anchor="middle" dy="3.8">
        {text}
      </text>
    </g>
  );
}

function Box({ node }: { node: Placed<Node> }) {
  const { it, width, height } = node;
  const about = [it.about, ...it.parts].filter((part) => part !== "").join("\n");
  return (
    <g class="flow-node" data-kind={it.kind} transform={`translate(${node.x - width / 2},${node.y - height / 2})`}>
      {about !== "" && <title>{about}</title>}
      <rect width={width} height={height} rx={it.kind === "processor" || it.kind === "topic" ? 5 : height / 2} />
      <text x={width / 2} y={height / 2} text-anchor="middle" dy="4">
        {labelOf(it)}
      </text>
    </g>
  );
}
