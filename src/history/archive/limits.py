"""How much of a file is read at once, and what no honest export exceeds."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one archive.

    Attributes:
        piece_bytes: Text decoded at once, and row by row where something in it is wrong.
        batch_bytes: Text whose rows come as one batch.
        row_bytes: Longest text without a border between rows; real rows have about 1,000 bytes.
        members: Most files in a zip.
        directory_bytes: Longest directory of a zip, which has to be held whole.
        total_bytes: Most text read from one archive, all files together.
        ratio: How many times its packed size a member may unpack to. Honest JSON has 16, other
            files of an export up to 80.
        ratio_from_bytes: Size up to which the ratio does not matter.
        plays: Most podcast rows in one file. Telling identical rows apart takes memory: 12 to 24
            bytes a row.
    """

    piece_bytes: int = 64 << 10
    batch_bytes: int = MIB
    row_bytes: int = MIB // 2
    members: int = 2_000
    directory_bytes: int = 2 * MIB
    total_bytes: int = 4 << 30
    ratio: int = 200
    ratio_from_bytes: int = MIB
    plays: int = 5_000_000

    def is_bomb(self, *, unpacked: int, packed: int) -> bool:
        """Tell whether so few `packed` bytes cannot honestly become so many."""
        return unpacked > self.ratio_from_bytes and unpacked > self.ratio * packed


LIMITS = Limits()
