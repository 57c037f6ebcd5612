package store

import (
	"encoding/binary"
	"errors"
)

// auditBlockVersion begins each block of audit entries.
const auditBlockVersion = 1

// An entry has so many texts and numbers.
const auditTexts, auditNumbers = 18, 6

var errDamagedBlock = errors.New("a block of audit entries is damaged")

// texts are those of an entry, in the order in which a block has them.
func (a *AuditEntry) texts() [auditTexts]*string {
	return [auditTexts]*string{
		&a.Subscription, &a.ResourceGroup, &a.ClusterID, &a.Caller, &a.CallerID, &a.Mode, &a.Method, &a.Path, &a.Verb, &a.APIGroup,
		&a.Resource, &a.Subresource, &a.Namespace, &a.Name, &a.Reason, &a.RequestID, &a.ClientIP, &a.UserAgent,
	}
}

// auditBlock writes entries one after the other: each text once, and of each entry which texts it has. So an entry takes
// about a tenth of what a row of its own would.
type auditBlock struct {
	places map[string]uint64
	texts  []byte
	rest   []byte
	before AuditEntry
	known  [auditTexts]uint64 // the places of the texts of the entry before
	count  uint64
}

func encodeAudit(entries []AuditEntry) []byte {
	b := &auditBlock{places: map[string]uint64{}}
	for i := range entries {
		b.add(&entries[i])
	}
	body := append(make([]byte, 0, 1+2*binary.MaxVarintLen64+len(b.texts)+len(b.rest)), auditBlockVersion)
	body = binary.AppendUvarint(body, uint64(len(b.places)))
	body = append(body, b.texts...)
	body = binary.AppendUvarint(body, b.count)
	return append(body, b.rest...)
}

func (b *auditBlock) add(a *AuditEntry) {
	at := micros(a.At)
	b.rest = binary.AppendVarint(b.rest, a.ID-b.before.ID)
	b.rest = binary.AppendVarint(b.rest, at-a.ID)
	b.rest = binary.AppendVarint(b.rest, micros(a.EndedAt)-at)
	b.rest = binary.AppendVarint(b.rest, int64(a.Status))
	b.rest = binary.AppendVarint(b.rest, a.BytesIn)
	b.rest = binary.AppendVarint(b.rest, a.BytesOut)
	before := b.before.texts()
	for i, text := range a.texts() {
		if b.count == 0 || *text != *before[i] {
			b.known[i] = b.place(*text)
		}
		b.rest = binary.AppendUvarint(b.rest, b.known[i])
	}
	b.before = *a
	b.count++
}

func (b *auditBlock) place(text string) uint64 {
	place, ok := b.places[text]
	if !ok {
		place = uint64(len(b.places))
		b.places[text] = place
		b.texts = binary.AppendUvarint(b.texts, uint64(len(text)))
		b.texts = append(b.texts, text...)
	}
	return place
}

// auditReader reads a block. After an error all that it reads is zero.
type auditReader struct {
	left []byte
	err  error
}

// decodeAudit reads what encodeAudit has written. What it allocates is bounded by the size of the body.
func decodeAudit(body []byte) ([]AuditEntry, error) {
	if len(body) == 0 || body[0] != auditBlockVersion {
		return nil, errDamagedBlock
	}
	r := &auditReader{left: body[1:]}
	texts := make([]string, r.count(1))
	for i := range texts {
		texts[i] = r.text()
	}
	entries := make([]AuditEntry, r.count(auditNumbers+auditTexts))
	last := int64(0)
	for i := range entries {
		r.entry(&entries[i], last, texts)
		last = entries[i].ID
	}
	if r.err == nil && len(r.left) > 0 {
		r.err = errDamagedBlock
	}
	if r.err != nil {
		return nil, r.err
	}
	return entries, nil
}

func (r *auditReader) entry(a *AuditEntry, last int64, texts []string) {
	a.ID = last + r.signed()
	at := a.ID + r.signed()
	a.At, a.EndedAt = moment(at), moment(at+r.signed())
	a.Status, a.BytesIn, a.BytesOut = int(r.signed()), r.signed(), r.signed()
	for _, text := range a.texts() {
		if place := r.unsigned(); place < uint64(len(texts)) {
			*text = texts[place]
		} else {
			r.err = errDamagedBlock
		}
	}
}

// count reads how many of something follow that take so many bytes each at least.
func (r *auditReader) count(size int) int {
	n := r.unsigned()
	if n > uint64(len(r.left)/size) { //nolint:gosec // a length
		r.err, r.left = errDamagedBlock, nil
		return 0
	}
	return int(n) //nolint:gosec // it is no larger than a length
}

func (r *auditReader) text() string {
	n := r.count(1)
	text := string(r.left[:n])
	r.left = r.left[n:]
	return text
}

func (r *auditReader) unsigned() uint64 {
	value, n := binary.Uvarint(r.left)
	r.skip(n)
	return value
}

func (r *auditReader) signed() int64 {
	value, n := binary.Varint(r.left)
	r.skip(n)
	return value
}

func (r *auditReader) skip(n int) {
	if n <= 0 {
		r.err, r.left = errDamagedBlock, nil
		return
	}
	r.left = r.left[n:]
}
