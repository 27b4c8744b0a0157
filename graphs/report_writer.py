"""Plan a report, write its sections side by side, and edit them into one."""

from __future__ import annotations

from graphs.builders import MapReduce
from nodes.report_writer import edit, plan_sections, write_section
from state.report_writer import ReportInput, ReportOutput, ReportState

workflow = MapReduce(
    name="report_writer",
    input=ReportInput,
    state=ReportState,
    output=ReportOutput,
    split=plan_sections,
    worker=write_section,
    aggregator=edit,
    quorum=0.6,  # A report with a named gap is of use; half a report is not.
    max_parallel=16,
)
graph = workflow.compile()
