"""What was driven and where, as pictures: replay pages, animated images, sheets of scenes."""
