// Two runs sample by sample: chosen by hand, by a cell of a table of settings, or by a point of a chart.
for (const box of document.querySelectorAll("[data-pairs]")) {
  const most = 200, sections = JSON.parse(box.querySelector("script[data-samples]").textContent);
  const pick = Object.fromEntries([...box.querySelectorAll("[data-pick]")].map(each => [each.dataset.pick, each]));
  const body = box.querySelector("tbody"), said = box.querySelector("[role=status]");
  const wanted = {
    differ: (a, b, same) => !same, lost: (a, b) => a === "1" && b === "0", won: (a, b) => a === "0" && b === "1",
    wrong: (a, b) => a === "0" && b === "0", all: () => true,
  };
  const cell = (text, right) => {
    const made = document.createElement("td");
    made.dir = "auto";
    made.textContent = right === undefined ? text : `${right === "1" ? "✓" : right === "0" ? "✗" : "–"} ${text}`;
    return made;
  };
  const show = () => {
    const {words, clips, truth, runs, task} = sections[pick.section.value];
    const left = runs[pick.left.value], right = runs[pick.right.value];
    const heads = box.querySelectorAll("thead th");
    heads[2].textContent = left.name;
    heads[3].textContent = right.name;
    const sounds = new Map([...document.querySelectorAll("audio[data-clip]")].filter(each => each.dataset.of === task).map(each => [each.dataset.clip, each]));
    const found = clips.map((_, i) => i).filter(i => wanted[pick.which.value](left.right[i], right.right[i], left.said[i] === right.said[i]));
    body.replaceChildren(...found.slice(0, most).map(i => {
      const row = document.createElement("tr"), sound = document.createElement("td");
      if (sounds.has(clips[i])) {
        const button = document.createElement("button");
        button.textContent = "listen";
        button.addEventListener("click", () => { const audio = sounds.get(clips[i]); audio.closest("details").open = true; audio.scrollIntoView({block: "center"}); audio.play(); });
        sound.append(button);
      }
      const text = run => run.said[i] < 0 ? "no answer" : words[run.said[i]];
      row.append(cell(clips[i]), cell(words[truth[i]]), cell(text(left), left.right[i]), cell(text(right), right.right[i]), sound);
      return row;
    }));
    said.textContent = `${found.length} of ${clips.length} samples${found.length > most ? `, the first ${most} shown` : ""}`;
  };
  const offer = () => {
    const {runs} = sections[pick.section.value];
    for (const side of [pick.left, pick.right]) side.replaceChildren(...runs.map((run, i) => new Option(run.name, i)));
    pick.left.value = Math.max(0, runs.findIndex(run => run.base));
    pick.right.value = pick.left.value === "0" ? 1 : 0;
    show();
  };
  pick.section.append(...sections.map((section, i) => new Option(section.title, i)));
  pick.section.addEventListener("change", offer);
  for (const name of ["left", "right", "which"]) pick[name].addEventListener("change", show);
  const lead = result => {
    sections.forEach(({runs}, i) => runs.forEach((run, j) => {
      if (run.result !== result) return;
      pick.section.value = i;
      offer();
      pick.right.value = j;
      show();
      box.scrollIntoView();
    }));
  };
  const known = new Set(sections.flatMap(({runs}) => runs.map(run => run.result)));
  document.addEventListener("asked", event => { if (known.has(event.detail)) lead(event.detail); });
  for (const each of document.querySelectorAll("td[data-result]")) {
    if (!known.has(each.dataset.result)) continue;
    each.classList.add("open");
    each.addEventListener("click", () => lead(each.dataset.result));
    each.addEventListener("keydown", event => { if (event.key === "Enter") lead(each.dataset.result); });
  }
  offer();
}
