/* The C core of PufferLib's gpudrive, stepped as the simulator's own benchmark steps worlds.
 *
 * GPUDRIVE_CORE is its header without what draws; `peers.py` cuts it out and compiles this.
 * usage: peer_gpudrive MAP SECONDS; prints agents, numbers per observation and agent-steps per
 * second of processor time, with random actions.
 */
#include <stdbool.h>

#define PI 3.14159265358979323846f
typedef struct Client { int unused; } Client_stub;
#include GPUDRIVE_CORE

static unsigned long long bits = 88172645463325252ULL;

static int below(int count) {
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    return (int)((bits >> 33) % (unsigned)count);
}

int main(int count, char **words) {
    if (count < 3) return 2;
    GPUDrive env = {0};
    env.map_name = words[1];
    env.spawn_immunity_timer = 30;
    env.reward_vehicle_collision = -0.5f;
    env.reward_offroad_collision = -0.2f;
    allocate(&env);
    c_reset(&env);
    double limit = atof(words[2]) * CLOCKS_PER_SEC;
    long steps = 0;
    clock_t begun = clock();
    while ((double)(clock() - begun) < limit) {
        for (int round = 0; round < 100; round++, steps++) {
            for (int agent = 0; agent < env.active_agent_count; agent++) {
                env.actions[2 * agent] = below(7);
                env.actions[2 * agent + 1] = below(13);
            }
            c_step(&env);
        }
    }
    double took_s = (double)(clock() - begun) / CLOCKS_PER_SEC;
    printf("%d %d %.1f\n", env.active_agent_count,
           6 + 7 * (MAX_CARS - 1) + 7 * MAX_ROAD_SEGMENT_OBSERVATIONS,
           steps * env.active_agent_count / took_s);
    return 0;
}
