"""What the tests of fitting share."""


class Recorder:
    """Takes down epochs, and raises in the middle of one when told to, as a kill would end it."""

    def __init__(self, folder, die_after=None):
        self.folder, self.die_after, self.fits = folder, die_after, 0
        self.epochs, self.resumed_at, self.notes = [], [], []
        self.finish = False
        self.decisions = {}

    def phase(self, name, epochs=0):
        pass

    def next_checkpoint(self):
        self.fits += 1
        return self.folder / f"{self.fits:03d}.npz"

    def decide_once(self, name, decide):
        if name not in self.decisions:
            self.decisions[name] = decide()
        return self.decisions[name]

    def resumed(self, epoch, values):
        self.resumed_at.append(epoch)

    def epoch(self, number, values):
        self.epochs.append((number, values))
        if number == self.die_after:
            raise KeyboardInterrupt

    def finish_asked(self):
        return self.finish

    def note(self, text):
        self.notes.append(text)
