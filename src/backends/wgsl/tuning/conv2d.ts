import type { Configuration } from './choice';
import type { DeviceTraits } from './traits';

/** How conv2d.wgsl runs: threads of a group, and neighbouring pixels of each. */
export interface ConvolutionConfiguration extends Configuration {
  readonly threads: number;
  readonly pixels: number;
}

/** The configurations of convolutions; the first is the default. */
export function convolutionConfigurations({ software }: DeviceTraits): readonly ConvolutionConfiguration[] {
  const of = (threads: number, pixels: number) => ({ name: `${pixels} pixels by ${threads}`, threads, pixels });
  return software ? [of(4, 4), of(4, 8)] : [of(64, 4), of(64, 2), of(32, 8), of(128, 4)];
}
