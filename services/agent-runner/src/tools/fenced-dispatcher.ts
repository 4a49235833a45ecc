import type { Dispatcher } from "undici";

/**
 * Asks once more when a connection is there and the request is about to be written: what was frozen while it connected
 * sends nothing when it wakes.
 *
 * @param assertMayAct what it throws is how the request fails
 */
export function fenced(dispatcher: Dispatcher, assertMayAct: () => void): Dispatcher {
  return dispatcher.compose((dispatch) => (options, handler) => dispatch(options, asking(handler, assertMayAct)));
}

function asking(handler: Dispatcher.DispatchHandler, assertMayAct: () => void): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller, context) {
      assertMayAct();
      handler.onRequestStart?.(controller, context);
    },
    onRequestUpgrade: (...given) => handler.onRequestUpgrade?.(...given),
    onResponseStart: (...given) => handler.onResponseStart?.(...given),
    onResponseData: (...given) => handler.onResponseData?.(...given),
    onResponseEnd: (...given) => handler.onResponseEnd?.(...given),
    onResponseError: (...given) => handler.onResponseError?.(...given),
  };
}
