// Runs in a sandboxed frame, whose origin is opaque: browsers send "Origin: null".
addEventListener("message", async (event) => {
  const answer = { id: event.data.id };
  try {
    const response = await fetch(event.data.url);
    answer.status = response.status;
    answer.body = await response.text();
  } catch (error) {
    answer.error = String(error);
  }
  parent.postMessage(answer, "*"); // an opaque origin can name no target; nothing secret is in it
});
