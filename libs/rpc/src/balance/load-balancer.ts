import { experimental, connectivityState as State } from "@grpc/grpc-js";
import { type Balancer, createBalancer } from "./balancer.ts";
import { createInstance, type Instance } from "./instance.ts";
import { type BalanceMetrics, balanceMetrics } from "./metrics.ts";
import { balanceIn, weightIn, withoutOwn } from "./options.ts";
import { BalancedPicker } from "./picker.ts";
import { MESH_SCHEME, MeshResolver } from "./resolver.ts";

export const POLICY_NAME = "agentmesh_balance";

type Leaf = InstanceType<typeof experimental.LeafLoadBalancer>;
type Child = { readonly instance: Instance; readonly leaf: Leaf };

/**
 * Keeps a connection to every instance and hands gRPC a picker over those that are ready. gRPC does the rest as ever:
 * connects anew with backoff, queues calls while nothing is ready, repeats attempts that never reached a server and
 * those that the contract lets it repeat, each with a pick of its own.
 */
class MeshLoadBalancer implements experimental.LoadBalancer {
  readonly #helper: experimental.ChannelControlHelper;
  readonly #childHelper: experimental.ChannelControlHelper;
  #children: readonly Child[] = [];
  #balancer: Balancer | undefined;
  #metrics: BalanceMetrics | undefined;
  #isPaused = false;
  #readyCount = 0;
  #lastError = "not connected yet";

  constructor(helper: experimental.ChannelControlHelper) {
    this.#helper = helper;
    this.#childHelper = experimental.createChildChannelControlHelper(helper, {
      updateState: (_state, _picker, error) => {
        if (error) this.#lastError = error;
        this.#update();
      },
    });
  }

  updateAddressList(
    endpoints: experimental.StatusOr<experimental.Endpoint[]>,
    _config: experimental.TypedLoadBalancingConfig,
    options: Record<string, unknown>,
    note: string,
  ): boolean {
    if (!endpoints.ok || endpoints.value.length === 0) {
      // Instances that are known stay: a name server's failure is not theirs.
      if (this.#children.length === 0)
        this.#fail(endpoints.ok ? `no instance was found: ${note}` : endpoints.error.details);
      return true;
    }
    const settings = balanceIn(options) ?? { policy: "round_robin" };
    this.#metrics ??= balanceMetrics(settings);
    this.#balancer ??= createBalancer({
      settings,
      onEjected: ({ address }, cause) => this.#metrics?.ejected(address, cause),
    });
    this.#replaceChildren(endpoints.value, options, note);
    return true;
  }

  /** Those that stay keep their connection and all that is known of them. */
  #replaceChildren(endpoints: readonly experimental.Endpoint[], options: Record<string, unknown>, note: string): void {
    const before = new Map(this.#children.map((child) => [child.instance.address, child]));
    const connecting: Child[] = [];
    this.#isPaused = true;
    this.#children = endpoints.map((endpoint) => {
      const address = endpoint.addresses.map(experimental.subchannelAddressToString).join("+");
      const kept = before.get(address);
      before.delete(address);
      if (kept) return kept;
      const leaf = new experimental.LeafLoadBalancer(endpoint, this.#childHelper, withoutOwn(options), note);
      const child = { instance: createInstance(address, weightIn(options, address)), leaf };
      connecting.push(child);
      return child;
    });
    for (const { leaf } of connecting) leaf.startConnecting();
    for (const { leaf } of before.values()) leaf.destroy();
    this.#isPaused = false;
    this.#update();
  }

  #update(): void {
    if (this.#isPaused || !this.#balancer) return;
    const ready = this.#children.filter(({ leaf }) => leaf.getConnectivityState() === State.READY);
    const all = this.#children.map(({ instance }) => instance);
    this.#balancer.setInstances(
      all,
      ready.map(({ instance }) => instance),
      performance.now(),
    );
    const lost = this.#readyCount - ready.length;
    this.#readyCount = ready.length;
    const [only] = ready;
    if (only) {
      // With one instance there is nothing to choose, count or learn: gRPC picks as if we were not there.
      const picker =
        all.length === 1
          ? only.leaf.getPicker()
          : new BalancedPicker(
              this.#balancer,
              new Map(ready.map(({ instance, leaf }) => [instance, leaf.getPicker()])),
              this.#metrics,
            );
      this.#helper.updateState(State.READY, picker, null);
    } else if (this.#children.every(({ leaf }) => leaf.getConnectivityState() === State.TRANSIENT_FAILURE)) {
      this.#fail(`none of ${this.#children.length} instances answers; last: ${this.#lastError}`);
    } else {
      this.#helper.updateState(State.CONNECTING, new experimental.QueuePicker(this), null);
    }
    // A connection was lost: its instance may be gone from the name, and others may have come.
    if (lost > 0) this.#helper.requestReresolution();
    for (const { leaf } of this.#children) if (leaf.getConnectivityState() === State.IDLE) leaf.exitIdle();
  }

  #fail(details: string): void {
    this.#helper.updateState(State.TRANSIENT_FAILURE, new experimental.UnavailablePicker({ details }), details);
  }

  exitIdle(): void {
    for (const { leaf } of this.#children) leaf.exitIdle();
  }

  resetBackoff(): void {}

  destroy(): void {
    this.#isPaused = true;
    for (const { leaf } of this.#children) leaf.destroy();
    this.#children = [];
  }

  getTypeName(): string {
    return POLICY_NAME;
  }
}

/** The settings themselves come as a channel option: they hold what JSON cannot. */
class MeshLoadBalancerConfig implements experimental.TypedLoadBalancingConfig {
  getLoadBalancerName(): string {
    return POLICY_NAME;
  }

  toJsonObject(): object {
    return { [POLICY_NAME]: {} };
  }

  static createFromJson(): MeshLoadBalancerConfig {
    return new MeshLoadBalancerConfig();
  }
}

/** Tells gRPC of the policy and of `mesh:` targets; more than once does no harm. */
export function registerBalancing(): void {
  if (experimental.isLoadBalancerNameRegistered(POLICY_NAME)) return;
  experimental.registerLoadBalancerType(POLICY_NAME, MeshLoadBalancer, MeshLoadBalancerConfig);
  experimental.registerResolver(MESH_SCHEME, MeshResolver);
}
