-- load_halts: workflows whose kill switch is on.
SELECT id FROM automate_halt
