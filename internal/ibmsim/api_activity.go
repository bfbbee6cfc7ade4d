package ibmsim

import (
	"net/http"
	"strconv"
	"time"
)

// The account's activity report: made in the background, then read by its reference.
var activityRoutes = []route{
	{api: &identityAPI, method: "POST", path: "/v1/activity/accounts/{account}/report", handle: createReport},
	{api: &identityAPI, method: "GET", path: "/v1/activity/accounts/{account}/report/{reference}", handle: readReport},
}

// activityReport is what was true when the report was asked for.
type activityReport struct {
	reference, by  string
	hours          int
	asked, done    time.Time
	users, apikeys []any
}

// latestReport is the reference that means the newest finished report.
const latestReport = "latest"

// createReport lists identities that did not authenticate within the last so many hours, 720 unless told.
func createReport(k *call) reply {
	if !k.account(k.path("account")) || !k.managesKeys() {
		return k.iamForbidden()
	}
	hours, err := strconv.Atoi(firstOf(k.q("duration"), "720"))
	if err != nil || hours < 1 || firstOf(k.q("type"), "inactive") != "inactive" {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "The only type is inactive, the duration a number of hours.")
	}
	w := k.w
	rep := &activityReport{reference: w.ids.next("report"), by: k.caller.iam, hours: hours, asked: k.now, done: k.now.Add(w.knobs.ReportTime.Std()), users: []any{}, apikeys: []any{}}
	since := k.now.Add(-time.Duration(hours) * time.Hour)
	for _, u := range w.users {
		if u.listed() && u.lastAuthn.Before(since) {
			rep.users = append(rep.users, w.withLast(map[string]any{"iam_id": u.iam, "name": u.name(), "username": u.email, "email": u.email}, u.lastAuthn))
		}
	}
	for _, key := range w.keys {
		last, _ := w.activity(key, k.now)
		if !w.visible(key, k.now) || !last.Before(since) {
			continue
		}
		item := map[string]any{"id": key.id, "name": key.name, "type": "user", "user": map[string]any{"iam_id": key.owner}}
		if s := w.serviceByIAM[key.owner]; s != nil {
			item = map[string]any{"id": key.id, "name": key.name, "type": "serviceid", "serviceid": map[string]any{"id": s.id, "name": s.name}}
		}
		rep.apikeys = append(rep.apikeys, w.withLast(item, last))
	}
	w.reports[rep.reference], w.reports[latestReport] = rep, rep
	return accepted(map[string]any{"reference": rep.reference})
}

func (w *world) withLast(item map[string]any, last time.Time) map[string]any {
	if !last.IsZero() {
		item["last_authn"] = w.iamTime(last)
	}
	return item
}

// readReport answers 204 while the report is being made.
func readReport(k *call) reply {
	if !k.account(k.path("account")) || !k.managesKeys() {
		return k.iamForbidden()
	}
	rep := k.w.reports[k.path("reference")]
	if rep == nil {
		return k.iamRefusal(http.StatusNotFound, "BXNIM0445E", "The report could not be found.")
	}
	if k.now.Before(rep.done) {
		return noContent()
	}
	return ok(map[string]any{
		"created_by": rep.by, "reference": rep.reference, "report_duration": strconv.Itoa(rep.hours), "report_start_time": k.w.iamTime(rep.asked),
		"report_end_time": k.w.iamTime(rep.done), "users": rep.users, "apikeys": rep.apikeys, "serviceids": []any{}, "profiles": []any{},
	})
}
