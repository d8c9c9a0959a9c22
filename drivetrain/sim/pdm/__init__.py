"""PDM-Closed-style driver: fifteen proposals, rolled out and judged; the best one is driven.

After Dauner et al. 2023, "Parting with misconceptions about learning-based vehicle motion
planning". Three lines (the route's, and one metre to either side) at five shares of the speed
limit; four seconds of the same bicycle that the world drives, among others who keep velocity
and heading. Where this driver differs: it slows down for curves, it plans anew from where the
bicycle is at every step, and where all proposals fail it takes the one that fails last.
"""

from drivetrain.sim.pdm.driver import PdmDriver

__all__ = ["PdmDriver"]
