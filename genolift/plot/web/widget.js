// The logo in a notebook. It stands behind logo.js in one module, as anywidget takes it.

function unpacked(packed) {
  const tracks = packed.tracks.map((track) => ({ ...track, ...opened(track, track.sequence) }));
  return { ...packed, tracks };
}

function render({ model, el }) {
  const box = document.createElement("div");
  el.append(box);
  const logo = createLogo(box, unpacked(model.get("content")), {
    limits: model.get("limits"),
    onChoose(column) {
      model.set("chosen", column);
      model.save_changes();
    },
  });
  const changed = () => logo.update(unpacked(model.get("content")), { limits: model.get("limits") });
  const chosen = () => { if (model.get("chosen") !== logo.chosen()) logo.choose(model.get("chosen")); };
  model.on("change:content", changed);
  model.on("change:limits", changed);
  model.on("change:chosen", chosen);
  return () => logo.destroy();
}

export default { render };
