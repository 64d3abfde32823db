from django.db import migrations

from automate.migrations._postgres import PostgresSQL

COUNTED = {
    "automate_event": "events",
    "automate_executionrun": "runs",
    "automate_steprun": "steps",
    "automate_llm_ledgerentry": "llm",
}


def forward() -> str:
    lines = [
        f"CREATE TRIGGER meter_{meter} AFTER INSERT ON {table} REFERENCING NEW TABLE AS added "
        f"FOR EACH STATEMENT EXECUTE FUNCTION public.automate_meter_{meter}_v1();"
        for table, meter in COUNTED.items()
    ]
    lines.append(
        "CREATE TRIGGER meter_llm_change AFTER UPDATE ON automate_llm_ledgerentry "
        "REFERENCING OLD TABLE AS before NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.automate_meter_llm_change_v1();"
    )
    return "\n".join(lines)


def backward() -> str:
    names = [*((table, f"meter_{meter}") for table, meter in COUNTED.items())]
    names.append(("automate_llm_ledgerentry", "meter_llm_change"))
    return "\n".join(f"DROP TRIGGER {name} ON {table};" for table, name in names)


class Migration(migrations.Migration):
    """Count what is inserted, in the transaction that inserts it: one delta row a statement."""

    dependencies = [("automate", "0016_step_end_order"), ("automate_llm", "0002_ledger_months")]
    operations = [PostgresSQL(forward(), backward())]
