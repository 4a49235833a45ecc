import { ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";

/**
 * Ends calls whose message does not arrive in time: a caller who sends the beginning of one and no more would hold its
 * memory for as long as it liked. Deadlines of methods begin with their message.
 */
export function cutSlowMessages(timeoutMs: number): ServerInterceptor {
  return (_method, call) => {
    let timer: NodeJS.Timeout | undefined;
    return new ServerInterceptingCall(call, {
      start(next) {
        timer = setTimeout(() => {
          const details = `no whole message came within ${timeoutMs} ms; send it at once`;
          call.sendStatus({ code: status.DEADLINE_EXCEEDED, details });
        }, timeoutMs);
        next({
          onReceiveMessage(message, pass) {
            clearTimeout(timer);
            pass(message);
          },
          onCancel: () => clearTimeout(timer),
        });
      },
      sendStatus(outcome, pass) {
        clearTimeout(timer);
        pass(outcome);
      },
    });
  };
}
