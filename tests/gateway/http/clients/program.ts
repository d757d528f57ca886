// What a program does with the generated types: test_typescript_types.py checks it and runs it.
// Where a line must not pass, the compiler is told so, and complains if it does.
import createClient from "openapi-fetch";
import type { components, paths } from "./refold.js";

const client = createClient<paths>({ baseUrl: process.argv[2] ?? "" });

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

async function park(): Promise<void> {
  const body = { spot: "typescript", car: "t", stay_ms: 1_000_000_000 };
  const headers = { "Idempotency-Key": "typescript-1" };
  const path = "/api/samples/parking/commands/park_car";
  const first = await client.POST(path, { params: { header: headers }, body });
  check(first.response.status === 200 && first.data !== undefined, "it was not parked");
  const answer = first.data as components["schemas"]["SamplesParkingAnswer"];
  const [event] = answer.events;
  check(event?.type === "car_parked.v1", "another event");
  const until: number = event.until_ms; // known by its type alone
  check(event.spot === "typescript" && until > 0, "another spot");
  const again = await client.POST(path, { params: { header: headers }, body });
  check(JSON.stringify(again.data) === JSON.stringify(answer), "another answer to the same key");

  const refused = await client.POST(path, { body });
  check(refused.response.status === 409 && refused.error !== undefined, "it was not refused");
  check(refused.error.detail === "taken by t", "another reason");

  const seen = { min_sequence: event.sequence, partition: answer.command.partition };
  const who = await client.GET("/api/samples/parking/queries/who", {
    params: { query: { spot: "typescript", ...seen } },
  });
  const car: string | undefined = who.data?.car;
  check(car === "t", "another car");
}

async function trade(): Promise<void> {
  await client.POST("/api/markets/exchange/commands/list_instrument", {
    body: { instrument: "TS", price_decimals: 2, price_max: 100_000 },
  });
  const order = { order_id: 1, account_id: 7, side: "buy", quantity: 100, price: 995 } as const;
  const placed = await client.POST("/api/markets/exchange/commands/place_order", {
    body: { instrument: "TS", ...order },
  });
  check(placed.response.status === 200, "it was not placed");
  const refused = await client.POST("/api/markets/exchange/commands/place_order", {
    body: { instrument: "NONE", ...order },
  });
  const problem = refused.error as components["schemas"]["MarketsExchangeProblem"];
  check(problem.code === "unknown_instrument", "another code");
}

export async function wrong(): Promise<void> {
  // @ts-expect-error: a spot is text
  await client.POST("/api/samples/parking/commands/park_car", { body: { spot: 1, car: "", stay_ms: 1 } });
  // @ts-expect-error: the car is missing
  await client.POST("/api/samples/parking/commands/park_car", { body: { spot: "a", stay_ms: 1 } });
  // @ts-expect-error: there is no such command
  await client.POST("/api/samples/parking/commands/park_truck", { body: {} });
  // @ts-expect-error: a query needs its argument
  await client.GET("/api/samples/parking/queries/who", { params: { query: {} } });
  const side: components["schemas"]["MarketsExchangeSide"] = "buy";
  // @ts-expect-error: there is no such side
  const neither: typeof side = "both";
  void neither;
}

await park();
await trade();
console.log("done");
