package catalogue

import "testing"

// No language may lack a title, a cause, a reason, a remedy, a word or a place in a sentence that English has.
func TestNoLanguageLacksAText(t *testing.T) {
	english, err := Open(English)
	if err != nil {
		t.Fatal(err)
	}
	if len(english.Keys()) == 0 {
		t.Fatal("English has no texts")
	}
	for _, language := range Languages() {
		t.Run(string(language), func(t *testing.T) {
			words, err := Open(language)
			if err != nil {
				t.Fatal(err)
			}
			for _, missing := range Missing(english, words) {
				t.Errorf("lacks %s", missing)
			}
			for _, id := range english.IDs() {
				if words.Title(id) == "" || language != English && words.Title(id) == english.Title(id) {
					t.Errorf("the title of %s is not translated", id)
				}
			}
		})
	}
}
