"""Print the bank holidays of England for `data/bank_holidays.csv`: `make calendar` runs this."""

import sys

import holidays

FIRST, LAST = 2012, 2050


def main() -> None:
    """Write one row a day, with its name."""
    days = holidays.country_holidays("GB", subdiv="ENG", years=range(FIRST, LAST + 1), language="en_GB")
    sys.stdout.write("date,name\n")
    for day, name in sorted(days.items()):
        sys.stdout.write(f'{day},"{name}"\n')


if __name__ == "__main__":
    main()
