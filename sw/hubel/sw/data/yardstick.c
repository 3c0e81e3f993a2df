/* The physical yardstick of `hubel bench golden`: the same integers in a plain, event-driven loop.
 * Weights are [inputs][neurons] of int8; the events of a step are the inputs that spiked. */
#include <stdint.h>
#include <string.h>

/* One population: spikes_in [steps][inputs] -> spikes_out [steps][neurons], bytes of 0 and 1.
 * v and current are scratch of `neurons` values. Returns the number of synaptic operations. */
int64_t run_population(
    const uint8_t *spikes_in, uint8_t *spikes_out, const int8_t *weights, const int32_t *bias,
    const int32_t *v_init, int32_t *v, int32_t *current, int64_t steps, int64_t inputs,
    int64_t neurons, int32_t threshold, int32_t decay, int32_t v_reset, int32_t high)
{
    int64_t operations = 0;
    memcpy(v, v_init, neurons * sizeof *v);
    for (int64_t t = 0; t < steps; t++) {
        memset(current, 0, neurons * sizeof *current);
        for (int64_t i = 0; i < inputs; i++) {
            if (!spikes_in[t * inputs + i])
                continue;
            const int8_t *row = weights + i * neurons;
            for (int64_t n = 0; n < neurons; n++)
                current[n] += row[n];
            operations += neurons;
        }
        uint8_t *fired = spikes_out + t * neurons;
        for (int64_t n = 0; n < neurons; n++) {
            int32_t magnitude = v[n] < 0 ? -v[n] : v[n];
            int32_t decayed = (magnitude * decay) >> 12;
            int32_t total = (v[n] < 0 ? -decayed : decayed) + bias[n] + current[n];
            total = total > high ? high : total < -high - 1 ? -high - 1 : total;
            fired[n] = total > threshold;
            v[n] = fired[n] ? total - v_reset : total;
        }
    }
    return operations;
}
