// Goes to the next answer without a score, of this submission or of another one.
(function () {
    var button = $("#next-ungraded");
    var asked = window.location.hash === "#ungraded";  // formgrade.js takes it away

    function waiting() {
        return $(".score.needs_manual_grade");
    }

    function say() {
        var count = waiting().length;
        button.text(count ? "Next ungraded answer (" + count + " here)" : "Next submission with ungraded answers");
    }

    function goTo(box) {
        $("body, html").stop().scrollTop(box.parents(".nbgrader_cell").offset().top - 100);
        box.focus();
    }

    function elsewhere() {
        var address = base_url + "/api/submitted_notebooks/" + encodeURIComponent(assignment_id) + "/" + encodeURIComponent(notebook_id);
        $.getJSON(address, function (found) {
            found = found.filter(function (one) { return one.needs_manual_grade && one.id !== submission_id; });
            found.sort(function (a, b) { return a.index - b.index; });
            var own = {{ resources.index | int }};
            var next = found.filter(function (one) { return one.index > own; })[0] || found[0];
            if (next) {
                window.location = base_url + "/submissions/" + next.id + "/#ungraded";
            } else {
                button.text("Every answer is graded");
            }
        });
    }

    button.on("click", function () {
        var boxes = waiting();
        if (!boxes.length) {
            return elsewhere();
        }
        var last = formgrader.last_selected[0];
        var behind = boxes.filter(function () { return last && last.compareDocumentPosition(this) & Node.DOCUMENT_POSITION_FOLLOWING; });
        goTo(behind.length ? behind.first() : boxes.first());
    });

    $(document).on("ajaxComplete finished_saving", say);
    $(document).one("ajaxStop", function () {
        if (asked && waiting().length) {
            setTimeout(function () { goTo(waiting().first()); }, 600);  // behind the scrolling that formgrade.js begins with
        }
    });
})();
