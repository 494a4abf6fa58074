"""From the observations of one episode to its events: a pure function, in eleven rules.

`derive` runs them in this order; each observation is used once:

- 0 duplicates: extended rows inside others, with more ms than the time holds
- 1, 2, 4, 5 pairs: an account row is an extended row, by ms and end
- 3 sums: one row of one export is several of the other
- 6 overlap: one cannot hear one episode twice at once
- 7 the rest of the account rows are events of their own
- 8 gpodder: explained as in 6, or events of their own
- 9 windows: what no event explains of a resume point's way
- 10 clamp: no event is longer than the time it had
"""
