// Links into MLflow: rule `track` leaves their addresses in mlflow.js beside the page; without it there are none.
for (const link of document.querySelectorAll("[data-run]")) {
  const address = (window.MLFLOW ?? {})[link.dataset.run];
  if (address) link.href = address;
}
document.body.classList.toggle("tracked", "MLFLOW" in window);

// The explorer: filters and ranks the leaderboard's rows, which stand in the page as JSON.
const rows = JSON.parse(document.getElementById("rows").textContent);
const form = document.getElementById("filters");
const table = document.getElementById("explorer");
const ascending = new Set(["loss", "steps_to_half", "processor_seconds", "parameters", "flops_per_token"]);

for (const key of ["variant", "split", "family"]) {
  for (const value of ["all", ...new Set(rows.map((row) => row[key]))]) form.elements[key].add(new Option(value, value));
}
form.elements.split.value = "test";
// what is chosen stands in the address, so that it can be kept and sent: #explore?variant=recall&metric=loss
for (const [key, value] of new URLSearchParams(location.hash.split("?")[1])) {
  if ([...(form.elements[key]?.options ?? [])].some((option) => option.value === value)) form.elements[key].value = value;
}
if (location.hash.startsWith("#explore?")) document.getElementById("explore").scrollIntoView();

function shown(value, metric) {
  if (value === null) return "–";
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(metric === "processor_seconds" ? 0 : 3);
}

function draw() {
  const metric = form.elements.metric.value;
  const chosen = rows.filter((row) =>
    ["variant", "split", "family"].every((key) => [row[key], "all"].includes(form.elements[key].value)),
  );
  const sign = ascending.has(metric) ? 1 : -1;
  chosen.sort((a, b) => (a[metric] === null) - (b[metric] === null) || sign * (a[metric] - b[metric]));
  table.classList.toggle("plain", metric === "exact_match"); // which has a column of its own
  table.querySelector(".ranked").textContent = form.elements.metric.selectedOptions[0].textContent;
  table.tBodies[0].replaceChildren(
    ...chosen.map((row) => {
      const line = document.createElement("tr");
      const interval = `${row.low.toFixed(3)} – ${row.high.toFixed(3)}`;
      const texts = [row.variant, row.split, row.name, row.exact_match.toFixed(3), interval, shown(row[metric], metric)];
      texts.forEach((text, i) => {
        const cell = line.insertCell();
        cell.textContent = text;
        cell.className = i === 1 || i === 2 ? "left" : i === 5 ? "ranked" : "";
      });
      return line;
    }),
  );
  form.elements.count.value = `${chosen.length} of ${rows.length} rows`;
}

form.addEventListener("change", () => {
  draw();
  history.replaceState(null, "", `#explore?${new URLSearchParams(new FormData(form))}`);
});
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
draw();
