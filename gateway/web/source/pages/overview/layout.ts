/** Where the nodes of a flow stand, and where its edges go: layered, from left to right, by dagre. */
import { Graph, layout } from "@dagrejs/dagre";
import type { Edge, Flow, Node } from "./told";

export interface Placed<Kind> {
  it: Kind;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedEdge {
  it: Edge;
  /** A path of SVG. */
  path: string;
  /** Where its rate is written. */
  x: number;
  y: number;
}

export interface Drawing {
  nodes: Placed<Node>[];
  edges: PlacedEdge[];
  width: number;
  height: number;
}

const HEIGHTS: Record<Node["kind"], number> = { topic: 26, processor: 44, read_models: 26, reactor: 26, effect: 26 };
const LETTER = 7.2;
const PADDING = 26;

export function widthOf(node: Node): number {
  const extra = node.kind === "processor" ? 1.06 : 1;
  return Math.round(Math.max(labelOf(node).length, 6) * LETTER * extra) + PADDING;
}

export function labelOf(node: Node): string {
  if (node.kind === "read_models") return `${node.parts.length} read model${node.parts.length === 1 ? "" : "s"}`;
  return node.label;
}

export function drawn(flow: Flow): Drawing {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 10, ranksep: 64, edgesep: 8, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of flow.nodes) graph.setNode(node.id, { width: widthOf(node), height: HEIGHTS[node.kind] });
  for (const edge of flow.edges) graph.setEdge(edge.source, edge.target, { width: 34, height: 14, labelpos: "c" }, edge.id);
  layout(graph);
  const size = graph.graph();
  return {
    nodes: flow.nodes.map((it) => {
      const { x, y, width, height } = graph.node(it.id);
      return { it, x: x ?? 0, y: y ?? 0, width: width ?? 0, height: height ?? 0 };
    }),
    edges: flow.edges.map((it) => {
      const found = graph.edge({ v: it.source, w: it.target, name: it.id });
      const points = found.points ?? [];
      const middle = points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 };
      return { it, path: pathOf(points), x: found.x ?? middle.x, y: found.y ?? middle.y };
    }),
    width: Math.ceil(size.width ?? 0),
    height: Math.ceil(size.height ?? 0),
  };
}

/** Through the middles of the lines between the points, and bent at each of them. */
function pathOf(points: readonly { x: number; y: number }[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  let path = `M${first.x.toFixed(1)},${first.y.toFixed(1)}`;
  rest.forEach((point, index) => {
    const next = rest[index + 1];
    if (next === undefined) path += `L${point.x.toFixed(1)},${point.y.toFixed(1)}`;
    else path += `Q${point.x.toFixed(1)},${point.y.toFixed(1)} ${((point.x + next.x) / 2).toFixed(1)},${((point.y + next.y) / 2).toFixed(1)}`;
  });
  return path;
}

/** All systems, each as one node: what leads from one to another, and to the outside. */
export function ofHouse(flow: Flow): Flow {
  const processors = new Map<string, string>();
  for (const node of flow.nodes) if (node.kind === "processor") processors.set(node.system, node.id);
  const shown = flow.nodes.filter((node) => node.kind !== "topic");
  const topics = new Map(flow.nodes.filter((node) => node.kind === "topic").map((node) => [node.id, node]));
  const end = (id: string): string | undefined => {
    const topic = topics.get(id);
    return topic === undefined ? id : processors.get(topic.system);
  };
  const edges: Edge[] = [];
  for (const edge of flow.edges) {
    const source = end(edge.source);
    const target = end(edge.target);
    // an effect answers where it was asked
    const isAnswer = flow.nodes.some((node) => node.id === edge.source && node.kind === "effect");
    if (source === undefined || target === undefined || source === target || isAnswer) continue;
    edges.push({ id: edge.id, source, target });
  }
  return { nodes: shown, edges };
}

/** One system whole, and of others the topics that lead to it or come from it. */
export function ofSystem(flow: Flow, system: string): Flow {
  const own = new Set(flow.nodes.filter((node) => node.system === system).map((node) => node.id));
  const touching = flow.nodes.filter(
    (node) =>
      node.kind === "reactor" &&
      flow.edges.some((edge) => (edge.source === node.id && own.has(edge.target)) || (edge.target === node.id && own.has(edge.source))),
  );
  for (const node of touching) own.add(node.id);
  const edges = flow.edges.filter((edge) => {
    const [near, far] = [own.has(edge.source), own.has(edge.target)];
    return (near && far) || (near && isReactor(flow, edge.source)) || (far && isReactor(flow, edge.target));
  });
  const ends = new Set(edges.flatMap((edge) => [edge.source, edge.target]));
  return { nodes: flow.nodes.filter((node) => ends.has(node.id)), edges };
}

function isReactor(flow: Flow, id: string): boolean {
  return flow.nodes.some((node) => node.id === id && node.kind === "reactor");
}
