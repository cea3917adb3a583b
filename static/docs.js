// Swagger UI fills every field of a form with a made-up value ("string", 0, the first choice) and sends it. Here a field
// has its default or its example; others are empty and are left out of the call.
"use strict";

window.HonestForms = ({ fn }) => {
  const { getSampleSchema } = fn;
  const valueOfField = ({ default: standard, example, type, items }) =>
    standard ?? example ?? (type !== "array" ? "" : items?.format === "binary" ? [""] : []);
  return {
    fn: {
      getSampleSchema: (schema, contentType, ...rest) =>
        contentType === false ? valueOfField(schema?.toJS?.() ?? schema) : getSampleSchema(schema, contentType, ...rest),
    },
    wrapComponents: { ParameterIncludeEmpty: () => () => null }, // "Send empty value", ticked for whatever is empty
  };
};

// Its fields have names to look at; the same for screen readers.
new MutationObserver(() => {
  for (const row of document.querySelectorAll("tr[data-property-name], tr[data-param-name]")) {
    const name = row.dataset.propertyName ?? row.dataset.paramName;
    for (const field of row.querySelectorAll("input, select, textarea")) {
      if (field.ariaLabel !== name) field.ariaLabel = name;
    }
  }
}).observe(document.documentElement, { childList: true, subtree: true });
