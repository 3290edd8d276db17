(async () => {
  "use strict";
  const PAPER_WIDTH = 660; // px: A4 between the print margins
  const sources = [...document.querySelectorAll("script.figure")];
  const plots = [];
  const fail = (reason) => {
    for (const source of sources) {
      const plot = document.getElementById(source.dataset.plot);
      plot.style.minHeight = "0";
      plot.textContent = "This figure cannot be drawn here: " + reason;
    }
  };
  try {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const code = document.createElement("script");
    code.textContent = await new Response(stream).text();
    document.head.append(code);
  } catch (error) {
    fail(error.message);
    return;
  }
  const draw = (source) => {
    const plot = document.getElementById(source.dataset.plot);
    const figure = JSON.parse(source.textContent);
    plots.push(plot);
    return Plotly.newPlot(plot, figure.data, figure.layout, { responsive: true, displayModeBar: false });
  };
  await Promise.all(sources.map(draw));
  addEventListener("beforeprint", () => plots.forEach((plot) => Plotly.relayout(plot, { width: PAPER_WIDTH })));
  addEventListener("afterprint", () => plots.forEach((plot) => Plotly.relayout(plot, { width: null, autosize: true })));
  document.documentElement.dataset.drawn = String(plots.length);
})();
