/** Which card pays: of the simulated provider, as its tokens. */
import { Field } from "../../parts/panel";

export const CARD = "card_ok";

const METHODS: readonly [string, string][] = [
  [CARD, "Card that pays"],
  ["card_declined", "Card that is declined"],
  ["card_flaky", "Card that answers late"],
  ["card_unfunded", "Card without funds at check-in"],
];

interface CardGiven {
  method: string;
  onChoose: (method: string) => void;
  error: string | undefined;
  hint?: string;
}

export function Card({ method, onChoose, ...about }: CardGiven) {
  return (
    <Field label="Pay with" {...about}>
      {(given) => (
        <select {...given} value={method} onChange={(event) => onChoose(event.currentTarget.value)}>
          {METHODS.map(([token, title]) => (
            <option key={token} value={token}>
              {title}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
