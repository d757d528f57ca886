import { PageHead } from "../../parts/panel";

export default function Page() {
  return (
    <div class="page">
      <PageHead title="overview" />
    </div>
  );
}
