/** What is the account's own: its open orders, which can be changed and cancelled here, and its
 * executions; and the auctions that are over. */
import { Panel, Tabs } from "../../parts/panel";
import { Auctions } from "./auctions";
import { Executions } from "./executions";
import { CancelAll, Orders } from "./orders";
import { list, LISTS, type Chosen, type Instrument } from "./market";

const TITLES = { orders: "Open orders", executions: "Executions", auctions: "Auctions" } as const;

export function Lists({ instrument, account, instruments }: Chosen & { instruments: readonly Instrument[] }) {
  const chosen = list.value;
  return (
    <Panel
      title={<span class="hidden">{TITLES[chosen]}</span>}
      flush
      class="exchange-lists"
      tools={
        <>
          {chosen === "orders" && account !== null && <CancelAll instrument={instrument} account={account} />}
          <Tabs label="Lists" names={LISTS} titles={TITLES} chosen={chosen} onChoose={(name) => (list.value = name)} />
        </>
      }
    >
      {chosen === "orders" && <Orders instrument={instrument} account={account} />}
      {chosen === "executions" && <Executions account={account} instruments={instruments} />}
      {chosen === "auctions" && <Auctions instrument={instrument} />}
    </Panel>
  );
}
