-- partition_trigger: let the partitioned events refuse to be changed, as the table before them did. {parent}: identifier.
CREATE TRIGGER event_immutable BEFORE UPDATE ON {parent} FOR EACH ROW EXECUTE FUNCTION automate_refuse_change()
