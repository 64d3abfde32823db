-- switches: is the kill switch of everything here on.
SELECT EXISTS (SELECT FROM automate_halt WHERE id = '00000000-0000-0000-0000-000000000000')
