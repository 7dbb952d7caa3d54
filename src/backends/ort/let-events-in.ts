/**
 * Ends the current task and goes on in a new one. onnxruntime-web's wasm `run()` resolves without ever leaving the task it was
 * called in, so a loop of runs would keep a worker from hearing anything (a stop, a store that has written) until its last step.
 * A message port is used because timers are slowed to 4 ms each.
 */
export function letEventsIn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
