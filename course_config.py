"""Everything an instructor changes. Units stand in the names; `autograder/course.py` says what each value means and may be.

An environment variable COURSE_<NAME> (COURSE_BUDGET=quick, COURSE_DATASET=glyphs ...) overrides the value here for one command.
"""

from autograder.course import Course

course = Course(
    course_id="vae",
    assignments=("vae", "priors", "iwae", "gaps"),
    # data and model
    dataset="mnist",  # mnist, fashion, or glyphs (embedded, no download)
    data="data",  # folder of torchvision's files; downloaded there where the network allows
    budget="standard",  # quick: seconds, standard: minutes on a laptop's processor, full: a GPU
    device="auto",  # auto, cpu or cuda
    training="weights",  # pedagogy: "weights" trusts the submitted checkpoint, "retrain" trains again while grading
    # thresholds of the trained model, in nats per image
    gate_margin_nats=1.5,
    gate_width_nats=6.0,
    suspicious_nats=5.0,
    # limits of one submission; of a cell and a call in processor time, so that a busy machine costs nobody a point
    cell_timeout_s=900,
    call_timeout_s=10,
    submission_timeout_s=3600,
    cpu_limit_s=7200,
    memory_limit_mib=8192,
    processes_limit=256,
    disk_limit_mib=1024,
    files_limit=20_000,
    notebook_limit_mib=16,
    checkpoint_limit_mib=256,
    message_limit_mib=256,
    output_limit_kib=256,
    # people and dates; roster.csv beside this file says who takes the course and who has longer (autograder/roster.py)
    due={},  # {"vae": "2026-10-30 23:59"}
    time_zone="UTC",  # of the due dates: "Europe/Berlin", "America/New_York" ...
    late_share_per_day=0.0,  # pedagogy: the share of the points that each day begun costs; 0.1: ten days late is nothing left
    late_grace_minutes=0,
    # where and how
    submission_time="checked",  # "collected": trust every timestamp.txt, where your copies do not keep files' times
    show_mark_schemes=False,  # pedagogy: True shows students the mark schemes of written answers in their feedback
    gradebook="sqlite:///gradebook.db",
    sandbox="bubblewrap",  # where it cannot run, `python -m autograder doctor` names a level that can
)
