package ibmsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The patterns of time-based conditions. The SDK's comments also speak of the weekly one without its last part.
const (
	patternOnce   = "time-based-conditions:once"
	patternWeekly = "time-based-conditions:weekly"
	patternDays   = patternWeekly + ":all-day"
	patternHours  = patternWeekly + ":custom-hours"
)

// What a condition compares.
const (
	keyDateTime = "{{environment.attributes.current_date_time}}"
	keyTime     = "{{environment.attributes.current_time}}"
	keyDay      = "{{environment.attributes.day_of_week}}"
)

// policyRule is a policy's condition on the wire: an attribute, or an operator over several.
type policyRule struct {
	Key        string        `json:"key,omitempty"`
	Operator   string        `json:"operator"`
	Value      any           `json:"value,omitempty"`
	Conditions []*policyRule `json:"conditions,omitempty"`
}

// timeRule is when a policy's access holds; only version 2 of the API can carry it. A rule of another kind than time is
// refused, because an answer that ignores it would be a lie.
type timeRule struct {
	pattern string
	rule    policyRule
	when    condition
}

// condition is a rule that can be asked. All ends are taken as open: "until 17:00" is over at 17:00.
type condition interface {
	holds(t time.Time) bool
	// marks calls add for every moment between two at which the answer may change.
	marks(from, to time.Time, add func(time.Time))
}

func (r *timeRule) same(other *timeRule) bool {
	if r == nil || other == nil {
		return r == other
	}
	mine, err := json.Marshal(r.rule)
	theirs, otherErr := json.Marshal(other.rule)
	return err == nil && otherErr == nil && string(mine) == string(theirs)
}

// holds tells whether the rule lets its policy act at t; no rule always does.
func (r *timeRule) holds(t time.Time) bool { return r == nil || r.when.holds(t) }

// maxRuleDepth is what IBM's SDK can nest: conditions within the conditions of a rule.
const maxRuleDepth = 2

// readTimes understands the rule of a time-based pattern, or says what it does not understand.
func readTimes(pattern string, rule *policyRule) (*timeRule, error) {
	if pattern == "" && rule == nil {
		return nil, nil
	}
	keys := map[string][]string{patternOnce: {keyDateTime}, patternWeekly: {keyDay, keyTime}, patternDays: {keyDay}, patternHours: {keyDay, keyTime}}[pattern]
	if keys == nil || rule == nil {
		return nil, fmt.Errorf("the simulator knows rules of the patterns %s only", strings.Join([]string{patternOnce, patternDays, patternHours}, ", "))
	}
	when, err := rule.read(keys, 0)
	if err != nil {
		return nil, err
	}
	return &timeRule{pattern, *rule, when}, nil
}

func (r *policyRule) read(keys []string, depth int) (condition, error) {
	if len(r.Conditions) == 0 {
		return r.readAttribute(keys)
	}
	all := strings.EqualFold(r.Operator, "and")
	if depth >= maxRuleDepth || !all && !strings.EqualFold(r.Operator, "or") {
		return nil, fmt.Errorf("conditions are joined by and or or, at most %d deep", maxRuleDepth)
	}
	list := combined{all: all}
	for _, c := range r.Conditions {
		if c == nil {
			return nil, fmt.Errorf("a condition is null")
		}
		part, err := c.read(keys, depth+1)
		if err != nil {
			return nil, err
		}
		list.parts = append(list.parts, part)
	}
	return list, nil
}

// readAttribute reads one comparison. IBM's operators name what they compare: dateTimeLessThan, timeLessThan, dayOfWeekEquals.
func (r *policyRule) readAttribute(keys []string) (condition, error) {
	if !slices.Contains(keys, r.Key) {
		return nil, fmt.Errorf("a condition of this pattern compares %s, not %q", strings.Join(keys, " or "), r.Key)
	}
	if r.Key == keyDay {
		return r.readDays()
	}
	kind, read := "dateTime", readDateTime
	if r.Key == keyTime {
		kind, read = "time", readTimeOfDay
	}
	text, _ := r.Value.(string)
	switch strings.TrimSuffix(strings.TrimPrefix(r.Operator, kind), "OrEquals") {
	case "GreaterThan":
		return read(text, true)
	case "LessThan":
		return read(text, false)
	}
	return nil, fmt.Errorf("the operator %s does not compare %s", r.Operator, r.Key)
}

// combined joins conditions.
type combined struct {
	all   bool
	parts []condition
}

func (c combined) holds(t time.Time) bool {
	for _, p := range c.parts {
		if p.holds(t) != c.all {
			return !c.all
		}
	}
	return c.all
}

func (c combined) marks(from, to time.Time, add func(time.Time)) {
	for _, p := range c.parts {
		p.marks(from, to, add)
	}
}

// fromMoment holds from a moment on, or until it.
type fromMoment struct {
	at    time.Time
	after bool
}

func readDateTime(text string, after bool) (condition, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a date and time such as 2026-01-31T09:00:00+00:00", text)
	}
	return fromMoment{at.UTC(), after}, nil
}

func (c fromMoment) holds(t time.Time) bool { return t.Before(c.at) != c.after }

func (c fromMoment) marks(_, _ time.Time, add func(time.Time)) { add(c.at) }

// fromHour holds from an hour of the day on, or until it, as clocks with an offset show it.
type fromHour struct {
	clock time.Duration // since midnight
	zone  *time.Location
	after bool
}

func readTimeOfDay(text string, after bool) (condition, error) {
	at, err := time.Parse("15:04:05Z07:00", text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a time of day such as 09:00:00+00:00", text)
	}
	return fromHour{sinceMidnight(at), fixedZone(at), after}, nil
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
}

// fixedZone keeps a parsed time's offset without asking the machine for its zones.
func fixedZone(t time.Time) *time.Location {
	_, offset := t.Zone()
	return time.FixedZone("", offset)
}

func (c fromHour) holds(t time.Time) bool { return (sinceMidnight(t.In(c.zone)) < c.clock) != c.after }

func (c fromHour) marks(from, to time.Time, add func(time.Time)) {
	eachDay(from, to, c.zone, func(midnight time.Time) { add(midnight); add(midnight.Add(c.clock)) })
}

// onDays holds on days of the week. Each day comes with the offset in which it is meant.
type onDays []weekday

type weekday struct {
	day  time.Weekday
	zone *time.Location
}

// readDays reads "1+00:00", Monday, to "7+00:00", Sunday; that Sunday is 7 is inferred.
func (r *policyRule) readDays() (condition, error) {
	values, isList := r.Value.([]any)
	if text, single := r.Value.(string); single {
		values, isList = []any{text}, true
	}
	if !isList || len(values) == 0 || r.Operator != "dayOfWeekAnyOf" && (r.Operator != "dayOfWeekEquals" || len(values) != 1) {
		return nil, fmt.Errorf("days are given with dayOfWeekAnyOf and a list, or with dayOfWeekEquals and one day")
	}
	var days onDays
	for _, v := range values {
		text, _ := v.(string)
		if len(text) < 2 || text[0] < '1' || text[0] > '7' {
			return nil, fmt.Errorf("%q is not a day such as 1+00:00", text)
		}
		offset, err := time.Parse("Z07:00", text[1:])
		if err != nil {
			return nil, fmt.Errorf("%q is not a day such as 1+00:00", text)
		}
		days = append(days, weekday{time.Weekday(int(text[0]-'0') % 7), fixedZone(offset)})
	}
	return days, nil
}

func (c onDays) holds(t time.Time) bool {
	return slices.ContainsFunc(c, func(d weekday) bool { return t.In(d.zone).Weekday() == d.day })
}

func (c onDays) marks(from, to time.Time, add func(time.Time)) {
	zones := map[int]bool{}
	for _, d := range c {
		_, offset := from.In(d.zone).Zone()
		if !zones[offset] {
			zones[offset] = true
			eachDay(from, to, d.zone, add)
		}
	}
}

// eachDay walks over the midnights from the day of one moment to the day of another.
func eachDay(from, to time.Time, zone *time.Location, visit func(midnight time.Time)) {
	y, m, d := from.In(zone).Date()
	for day := time.Date(y, m, d, 0, 0, 0, 0, zone); day.Before(to); day = day.AddDate(0, 0, 1) {
		visit(day.UTC())
	}
}

// between is the rule of temporary access, as IBM's console writes it.
func between(from, to time.Time) *timeRule {
	rule, err := readTimes(patternOnce, &policyRule{Operator: "and", Conditions: []*policyRule{
		{Key: keyDateTime, Operator: "dateTimeGreaterThanOrEquals", Value: from.UTC().Format(time.RFC3339Nano)},
		{Key: keyDateTime, Operator: "dateTimeLessThanOrEquals", Value: to.UTC().Format(time.RFC3339Nano)},
	}})
	if err != nil {
		panic("ibmsim: a rule made of two times cannot be read: " + err.Error())
	}
	return rule
}

// weekly is the rule of access on some days of the week, between two times of day if they are given.
func weekly(spec Weekly) (*timeRule, error) {
	days := []any{}
	for _, d := range spec.Days {
		days = append(days, d)
	}
	onDays := &policyRule{Key: keyDay, Operator: "dayOfWeekAnyOf", Value: days}
	if spec.From == "" && spec.To == "" {
		return readTimes(patternDays, onDays)
	}
	return readTimes(patternHours, &policyRule{Operator: "and", Conditions: []*policyRule{
		onDays, {Key: keyTime, Operator: "timeGreaterThanOrEquals", Value: spec.From}, {Key: keyTime, Operator: "timeLessThanOrEquals", Value: spec.To},
	}})
}
